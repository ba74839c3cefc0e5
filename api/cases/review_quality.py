"""Works out how well and how fast cases are reviewed."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from api.cases.case_shapes import InboxQuality, ModelQuality, RuleQuality, ShownInbox, Spread
from stores.casework.cases import DecidedCase, Reviewed

KNOWING = ("fraud", "legitimate")
"""The verdicts that say what an event was."""


def inbox_qualities(inboxes: Sequence[ShownInbox], decided: Sequence[DecidedCase]) -> list[InboxQuality]:
    """Returns the figures of each of `inboxes`.

    Args:
        decided: decided cases of these.
    """
    by_inbox: dict[str, list[DecidedCase]] = defaultdict(list)
    for one in decided:
        by_inbox[one.inbox].append(one)
    return [_inbox_quality(inbox, by_inbox[inbox.name]) for inbox in inboxes]


def rule_qualities(reviewed: Iterable[Reviewed]) -> list[RuleQuality]:
    """Returns the figures of each rule, by name."""
    return [_rule_quality(rule, found) for rule, found in _by_name(reviewed, "rule")]


def model_qualities(reviewed: Iterable[Reviewed]) -> list[ModelQuality]:
    """Returns the figures of each model, by name."""
    return [_model_quality(model, found) for model, found in _by_name(reviewed, "model")]


def spread_of(lengths_ms: Iterable[int]) -> Spread:
    """Returns the median and the ninth decile of lengths, each a length that occurs."""
    ordered = sorted(lengths_ms)
    return Spread(len(ordered), _at(ordered, 0.5), _at(ordered, 0.9))


def _at(ordered: Sequence[int], share: float) -> int | None:
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else None


def _inbox_quality(inbox: ShownInbox, decided: Sequence[DecidedCase]) -> InboxQuality:
    claims = [(one, one.claimed_at_ms) for one in decided if one.claimed_at_ms is not None]
    return InboxQuality(
        inbox=inbox.name,
        decided=len(decided),
        by_verdict=dict(sorted(Counter(one.verdict for one in decided).items())),
        claim_to_decision=spread_of(max(one.decided_at_ms - at_ms, 0) for one, at_ms in claims),
        opening_to_decision=spread_of(max(one.decided_at_ms - one.opened_at_ms, 0) for one in decided),
        late_claims=_share(sum(at_ms > one.claim_by_ms for one, at_ms in claims), len(claims)),
        late_decisions=_share(sum(one.decided_at_ms > one.decide_by_ms for one in decided), len(decided)),
        open=inbox.open,
        oldest_opened_at_ms=inbox.oldest_opened_at_ms,
        capacity=inbox.capacity,
        backlog_days=inbox.backlog_days,
    )


def _by_name(reviewed: Iterable[Reviewed], kind: str) -> list[tuple[str, list[Reviewed]]]:
    found: dict[str, list[Reviewed]] = defaultdict(list)
    for one in reviewed:
        if one.kind == kind:
            found[one.name].append(one)
    return sorted(found.items())


def _rule_quality(rule: str, reviewed: Sequence[Reviewed]) -> RuleQuality:
    verdicts = Counter[str]()
    for one in reviewed:
        verdicts[one.verdict] += one.alerts
    fraud, legitimate, unsure = verdicts["fraud"], verdicts["legitimate"], verdicts["unsure"]
    known = fraud + legitimate
    return RuleQuality(rule, known + unsure, fraud, legitimate, unsure, _share(fraud, known), _share(legitimate, known))


def _model_quality(model: str, reviewed: Sequence[Reviewed]) -> ModelQuality:
    alerts = _rule_quality(model, reviewed)
    known = [one for one in reviewed if one.verdict in KNOWING]
    return ModelQuality(
        model=model,
        reviewed=alerts.reviewed,
        fraud=alerts.fraud,
        legitimate=alerts.legitimate,
        unsure=alerts.unsure,
        precision=alerts.precision,
        false_positive_rate=alerts.false_positive_rate,
        told=sum(one.told for one in known),
        expected_frauds=sum(one.probability for one in known),
        found_frauds=sum(one.told for one in known if one.verdict == "fraud"),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
