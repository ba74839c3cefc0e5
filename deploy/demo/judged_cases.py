"""Tells how often the verdicts that people gave on cases of the demo agree with what its generator did."""

import collections
import statistics
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from api.cases.case_shapes import ShownCase
from api.client.client_cases import ClientCases
from deploy.demo.attacks import Attack

CASES_MAX = 1_000
"""So many decided cases are looked at, those of the greatest priority first."""
EVENTS_MAX = 500
"""So many events of a case are looked at, the oldest first."""
_FRAUD, _UNSURE = "fraud", "unsure"


class JudgedCase(msgspec.Struct, frozen=True):
    """A case that somebody has decided, beside the truth.

    Args:
        case: as the API tells it.
        attacks: how many of its events belong to each kind of attack; empty for a false alarm.
    """

    case: ShownCase
    attacks: Mapping[str, int]

    @property
    def agrees(self) -> bool:
        """Whether the verdict is the truth. A verdict of ``unsure`` is neither right nor wrong, and does not agree."""
        return self.case.verdict != _UNSURE and (self.case.verdict == _FRAUD) == bool(self.attacks)

    @property
    def seconds(self) -> float | None:
        """From the claim to the decision; None where nobody had claimed the case before it was decided."""
        claimed_ms, decided_ms = self.case.claimed_at_ms, self.case.decided_at_ms
        return (decided_ms - claimed_ms) / 1000 if claimed_ms and decided_ms and claimed_ms < decided_ms else None


def judged_cases(cases: ClientCases, attacked: Mapping[str, Attack]) -> list[JudgedCase]:
    """The closed cases that have a verdict. It makes a call a hundred cases, and one a case.

    Args:
        cases: the API of the demo's system.
        attacked: the attack that a payment belongs to, by event id.

    Raises:
        Refusal: the API does not answer.
    """
    return [JudgedCase(case, _attacks(cases, case.id, attacked)) for case in _decided(cases)]


def verdict_lines(judged: Sequence[JudgedCase]) -> list[str]:
    """What the summary of the demo says of verdicts; nothing if nobody gave any."""
    if not judged:
        return []
    agreed, unsure = sum(one.agrees for one in judged), sum(one.case.verdict == _UNSURE for one in judged)
    taken = sorted(one.seconds for one in judged if one.seconds is not None)
    pace = f"; {statistics.median(taken):.0f} s from claim to decision in the median, {taken[-1]:.0f} s at most" if taken else ""
    wrong = [one for one in judged if not one.agrees and one.case.verdict != _UNSURE]
    return [
        f"verdicts       {agreed} of {len(judged)} agree with what the generator did, {unsure} unsure{pace}",
        *(f"  {one.case.entity['kind']} {one.case.entity['id']} was called {one.case.verdict}; it was {_truth(one)}" for one in wrong),
    ]


def _decided(cases: ClientCases) -> Iterable[ShownCase]:
    found: list[ShownCase] = []
    cursor: str | None = None
    while len(found) < CASES_MAX:
        page = cases.page(["closed"], cursor=cursor, limit=100)
        found += [case for case in page.cases if case.verdict]
        cursor = page.next
        if cursor is None:
            break
    return found[:CASES_MAX]


def _attacks(cases: ClientCases, id: str, attacked: Mapping[str, Attack]) -> Mapping[str, int]:
    events = cases.events(id, limit=EVENTS_MAX).events
    return collections.Counter(attacked[event.event_id].kind for event in events if event.event_id in attacked)


def _truth(one: JudgedCase) -> str:
    return ", ".join(f"{kind} in {count} of {one.case.events} events" for kind, count in one.attacks.items()) or "a false alarm"
