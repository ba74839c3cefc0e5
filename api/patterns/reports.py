"""Makes reports on rules: how often they match, what they would have done, and how often exceptions hid a match."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

from api.http.problem import Problem
from api.patterns.measuring import Observed
from api.patterns.rule_shapes import (
    BudgetTrip,
    HiddenByException,
    PromotionState,
    RuleDay,
    RuleLabels,
    RuleOverlap,
    RuleReport,
    RuleReviews,
)
from api.patterns.rules_in_force import part_of_rule, standing_in
from foundation.document import Section, read_document
from patterns.language.rule_folder import extended_by, source_of
from patterns.matches import RULES_MAX
from patterns.rules.live_rule import VERSION_CHARACTERS
from stores.effects import DAY_MS, HOUR_MS, Effects, HiddenCount

OVERLAPS_MAX = 50
TRIPS_MAX = 20


def report_of(effects: Effects, texts: Mapping[str, str], id: str, observed: Observed, needs: list[str], from_ms: int) -> RuleReport:
    """The report on the rule `id`. It asks the store, so that the event loop calls it in a thread.

    Args:
        texts: of the parts in force.
        needs: what its promotion still needs.

    Raises:
        Problem: 404, there is no such rule.
    """
    standing, measured, counts = standing_in(texts, id), observed.measured, observed.counts
    actions = Counter[str]()
    for count in counts:
        actions[count.action] += count.matches
    asks = next((count.asks for count in reversed(counts) if count.asks), None)
    known = measured.fraud + measured.good
    return RuleReport(
        pattern=id,
        version=standing.hash[:VERSION_CHARACTERS],
        status=standing.status,
        share_of_entities=standing.share,
        releases=sorted(observed.releases),
        from_ms=max(from_ms, min(observed.decided, default=from_ms)),
        to_ms=max(observed.decided, default=from_ms - HOUR_MS) + HOUR_MS,
        events=measured.events,
        matches=measured.matches,
        share=measured.matches / measured.events if measured.events else None,
        acted=sum(count.matches for count in counts if not count.shadow),
        asks=asks,
        actions=dict(sorted(actions.items())),
        changed=sum(count.matches for count in counts if count.asks and count.asks != count.action),
        decided=sum(count.decided for count in counts),
        alone=sum(count.alone for count in counts),
        days=_days(observed),
        overlaps=_overlaps(effects.overlaps(id, from_ms), measured.matches),
        labels=RuleLabels(measured.fraud, measured.good, measured.fraud / known if known else None),
        reviewed=_reviewed(*observed.reviewed),
        hidden=hidden_of(effects.hidden(id), texts),
        entries=dict(sorted(effects.entry_states(id).items())),
        budget_trips=_trips(effects, id),
        promotion=PromotionState(not needs, needs),
    )


def _reviewed(fraud: int, legitimate: int) -> RuleReviews:
    known = fraud + legitimate
    return RuleReviews(fraud, legitimate, fraud / known if known else None, legitimate / known if known else None)


def hidden_of(counts: Sequence[HiddenCount], texts: Mapping[str, str]) -> list[HiddenByException]:
    """What exceptions hid, with what their rules' texts in force say of them."""
    return [_hidden(each, texts) for each in counts]


def _hidden(each: HiddenCount, texts: Mapping[str, str]) -> HiddenByException:
    said: tuple[str | None, str | None, str | None] = (None, None, None)
    try:
        is_in_force = standing_in(texts, each.pattern).hash[:VERSION_CHARACTERS] == each.version
    except Problem:
        is_in_force = False
    if is_in_force:
        text = texts[part_of_rule(each.pattern)]
        extended = extended_by(each.pattern, text)
        declared = _exceptions(each.pattern, text, texts.get(part_of_rule(extended), "") if extended else "")
        said = declared[each.exception] if each.exception < len(declared) else said
    return HiddenByException(each.pattern, each.version, each.exception, each.hidden, each.newest_ms, *said)


@lru_cache(RULES_MAX)
def _exceptions(id: str, text: str, extended: str) -> list[tuple[str | None, str | None, str | None]]:
    """Owner, reason and expiry of each exception of a rule that has been checked."""
    document = read_document(text, source_of(id))
    if not document.has("exceptions") and extended:
        document = read_document(extended, source_of(id))
    return [_said(each) for each in document.at("exceptions").items()] if document.has("exceptions") else []


def _said(exception: Section) -> tuple[str | None, str | None, str | None]:
    owner, reason, expires = (exception.at(name).text() for name in ("owner", "reason", "expires"))
    return owner, reason, expires


def _days(observed: Observed) -> list[RuleDay]:
    events, matches = Counter[int](), Counter[int]()
    for hour_ms, count in observed.decided.items():
        events[hour_ms // DAY_MS * DAY_MS] += count
    for each in observed.counts:
        matches[each.hour_ms // DAY_MS * DAY_MS] += each.matches
    return [RuleDay(day_ms, events[day_ms], matches[day_ms]) for day_ms in sorted({*events, *matches})]


def _overlaps(overlaps: Mapping[str, int], matches: int) -> list[RuleOverlap]:
    ordered = sorted(overlaps.items(), key=lambda each: (-each[1], each[0]))[:OVERLAPS_MAX]
    return [RuleOverlap(pattern, both, both / max(matches, both)) for pattern, both in ordered]


def _trips(effects: Effects, id: str) -> list[BudgetTrip]:
    return [
        BudgetTrip(trip.event_time, trip.version, trip.matches, trip.per_ms, trip.then, trip.done_release, trip.outcome)
        for trip in effects.trips(id, TRIPS_MAX)
    ]
