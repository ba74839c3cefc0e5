"""Which step of a sequence took which event of a match, where the match was recorded and not all is known of its events."""

from collections.abc import Sequence
from functools import cache

from patterns.language.pattern import Step
from patterns.sequences.plan.tables import LISTED_MAX


def steps_of_match(steps: Sequence[Step], possible: Sequence[Sequence[bool]]) -> list[int] | None:
    """Returns for each of n events the position of the step that took it; None if there is no such way.

    A record lists its events by step, of each step at most the newest `LISTED_MAX`. Of several ways the one is returned whose early steps
    took most, as a repeated step takes all that satisfy it.

    Args:
        steps: those that take events, in their order.
        possible: [n, steps] whether the step may have taken the event, as far as that is known.
    """

    @cache
    def rest(event: int, step: int) -> tuple[int, ...] | None:
        """Gives the events from `event` on to the steps from `step` on."""
        if step == len(steps):
            return () if event == len(possible) else None
        for count in _counts(steps[step]):
            if event + count <= len(possible) and all(possible[each][step] for each in range(event, event + count)):
                others = rest(event + count, step + 1)
                if others is not None:
                    return (step,) * count + others
        return None

    found = rest(0, 0)
    return None if found is None else [*found]


def _counts(step: Step) -> list[int]:
    """Returns how many events of a step may be listed, the most first."""
    most = LISTED_MAX if step.most is None else min(step.most, LISTED_MAX)
    return [*range(most, min(step.least, LISTED_MAX) - 1, -1), *([0] if step.optional else [])]
