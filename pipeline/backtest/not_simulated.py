"""Says in words what a backtest leaves out, so that nobody takes its figures for more than they are."""

from collections.abc import Iterable, Iterator, Sequence

from patterns.language.pattern import Pattern
from pipeline.backtest.side_by_side import SideBySide

_NAMED_MAX = 5
_ALWAYS = (
    "Events and labels are taken as they were recorded. Had the candidate decided, people who were stopped would have tried again in"
    " another way, and a payment that was blocked would have brought no label.",
    "Verdicts that people would have given on events that the candidate stops are not there.",
)
_LISTS = (
    "The lists that rules or the policy ask hold from the first event on what stands on them at the end, whenever that was put there; where"
    " no entries are given they are empty."
)
_FACTS = "Facts of entities that rules or the policy read are missing, because none were given."
_MODELS = "Models begin without having learned anything, and learn as the events go; the running system may know more, and score otherwise."


def not_simulated(both: SideBySide, entries_given: bool, facts_given: bool, warm_up_events: int) -> list[str]:
    """Returns sentences about what the figures leave out, the general ones first.

    Args:
        entries_given, facts_given: whether there are entries of lists, and facts of entities.
        warm_up_events: the number of events before those that count.
    """
    changed = [both.pattern(at) for at in both.changed]
    return [*_ALWAYS, *_of_rules(changed), *_of_release(both, entries_given, facts_given), *_of_beginning(both, warm_up_events)]


def _of_rules(changed: Sequence[Pattern]) -> Iterator[str]:
    lists = sorted({addition.to for pattern in changed for addition in pattern.then.additions})
    if lists:
        yield f"Entries that matches would put on {_and(lists)} are not made, so nothing that asks for them sees them."
    learning = _ids(pattern for pattern in changed if pattern.adaptive)
    if learning:
        yield (
            f"The thresholds that {_and(learning)} learn are trained by what the rules in force decide, as in shadow, and not by what the"
            " candidate would have blocked."
        )
    bounded = _ids(pattern for pattern in changed if pattern.budget is not None)
    if bounded:
        yield f"Budgets of {_and(bounded)} stop nothing here: matches beyond them count, and are told as trips that would have been."
    silenced = _ids(pattern for pattern in changed if pattern.suppress is not None)
    if silenced:
        yield f"Alerts of {_and(silenced)} that would be silenced are not looked at; matches and actions count, all of them."


def _ids(patterns: Iterable[Pattern]) -> list[str]:
    return list(dict.fromkeys(pattern.id for pattern in patterns))


def _of_release(both: SideBySide, entries_given: bool, facts_given: bool) -> Iterator[str]:
    release = both.release
    if release.lists_read or (entries_given and release.lists):
        yield _LISTS
    reads = {name for names in release.rules.reads.values() for name in names}
    of_policy = release.policy.verdicts or release.policy.overrides
    if not facts_given and (of_policy or any(name.startswith("entity.") for name in reads)):
        yield _FACTS
    if release.models:
        yield _MODELS


def _of_beginning(both: SideBySide, warm_up_events: int) -> Iterator[str]:
    if not warm_up_events:
        yield "Windows, sequences and thresholds begin empty at the first event: what reaches further back is missing at the beginning."


def _and(names: Sequence[str]) -> str:
    """Joins names as a sentence does; of many the first are named, and the others counted."""
    said = [*names] if len(names) <= _NAMED_MAX else [*names[:_NAMED_MAX], f"{len(names) - _NAMED_MAX} others"]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
