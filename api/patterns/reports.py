"""Makes reports on rules: how often they match, what they would have done, and how often exceptions hid a match."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache

from api.patterns.measuring import Observed
from api.patterns.promotion_gate import Measurement
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
from api.patterns.rules_in_force import part_of_rule, standings_in
from foundation.document import Section, read_document
from patterns.language.rule_folder import extended_by, source_of
from patterns.lifecycle.manifest import Standing
from patterns.matches import RULES_MAX
from patterns.rules.live_rule import VERSION_CHARACTERS
from stores.effects import DAY_MS, HOUR_MS, Effects, HiddenCount, Trip

OVERLAPS_MAX = 50
TRIPS_MAX = 20


def reports_of(effects: Effects, texts: Mapping[str, str], found: Mapping[str, Measurement]) -> list[RuleReport]:
    """The reports on the rules that were `found`, in their order. It asks the store, so that the event loop calls it in a thread.

    Args:
        texts: of the parts in force.
    """
    from_ms = min((each.from_ms for each in found.values()), default=0)
    overlaps, entries, trips = effects.overlaps(found, from_ms), effects.entry_states(found), effects.trips(found, TRIPS_MAX)
    hidden: dict[str, list[HiddenByException]] = defaultdict(list)
    for each in hidden_of(effects.hidden(found), texts):
        hidden[each.pattern].append(each)
    return [
        _report(
            id,
            one,
            _overlaps(overlaps.get(id, {}), one.observed.measured.matches),
            hidden[id],
            dict(sorted(entries.get(id, {}).items())),
            list(map(_tripped, trips.get(id, ()))),
        )
        for id, one in found.items()
    ]


def _report(
    id: str,
    found: Measurement,
    overlaps: list[RuleOverlap],
    hidden: list[HiddenByException],
    entries: dict[str, int],
    trips: list[BudgetTrip],
) -> RuleReport:
    standing, observed, needs, from_ms = found
    measured, counts = observed.measured, observed.counts
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
        overlaps=overlaps,
        labels=RuleLabels(measured.fraud, measured.good, measured.fraud / known if known else None),
        reviewed=_reviewed(*observed.reviewed),
        hidden=hidden,
        entries=entries,
        budget_trips=trips,
        promotion=PromotionState(not needs, needs),
    )


def _reviewed(fraud: int, legitimate: int) -> RuleReviews:
    known = fraud + legitimate
    return RuleReviews(fraud, legitimate, fraud / known if known else None, legitimate / known if known else None)


def hidden_of(counts: Sequence[HiddenCount], texts: Mapping[str, str]) -> list[HiddenByException]:
    """What exceptions hid, with what their rules' texts in force say of them."""
    standings = standings_in(texts) if counts else {}
    return [_hidden(each, texts, standings.get(each.pattern)) for each in counts]


def _hidden(each: HiddenCount, texts: Mapping[str, str], standing: Standing | None) -> HiddenByException:
    said: tuple[str | None, str | None, str | None] = (None, None, None)
    if standing is not None and standing.hash[:VERSION_CHARACTERS] == each.version:
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


def _tripped(trip: Trip) -> BudgetTrip:
    return BudgetTrip(trip.event_time, trip.version, trip.matches, trip.per_ms, trip.then, trip.done_release, trip.outcome)
