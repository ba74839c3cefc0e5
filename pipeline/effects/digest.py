"""Gathers what follows from records of the topics ``decisions`` and ``labels-resolved``, until it is written; pure, without a clock."""

from collections.abc import Iterable, Mapping

import msgspec

from foundation.refusal import Refusal
from patterns.entries import check_value
from patterns.language.pattern import Budget
from patterns.policy import BY_RULES
from pipeline.control.kafka import place_of
from pipeline.control.topic_clients import TopicMessage
from pipeline.engine.decisions.listings import Listing
from pipeline.engine.isolation import Aside
from stores.effects import DAY_MS, HOUR_MS, CountedMatch, GivenLabel, WantedEntry, Work, effect_id
from stores.offsets import Progress
from stores.scored_events import ScoredEvent, sample_place

REASON_CHARACTERS_MAX = 250
"""A character has at most four bytes, and the reason of an entry at most 1,024."""


class _Match(msgspec.Struct):
    pattern: str
    version: str
    action: str
    shadow: bool
    entries: list[Listing] = []
    budget: Budget | None = None


class _Hidden(msgspec.Struct):
    pattern: str
    version: str
    exception: int


class _Said(msgspec.Struct):
    score: float | None = None


class _Contributions(msgspec.Struct, frozen=True):
    model: str = ""
    inputs: dict[str, float | None] = {}


class _Decision(msgspec.Struct):
    event_id: str
    revision: int
    event_time: int
    user: str
    action: str
    release: int
    decided_by: str = ""
    matches: list[_Match] = []
    hidden: list[_Hidden] = []
    rule_failures: dict[str, tuple[int, int]] = {}
    probability: float | None = None
    models: dict[str, _Said] = {}
    event: dict[str, float | None] = {}
    features: dict[str, float | None] = {}
    contributions: _Contributions = _Contributions()


class _Label(msgspec.Struct):
    event_id: str
    user: str
    label: int
    label_time: int
    source: str = ""


_decode_decision = msgspec.json.Decoder(_Decision).decode
_decode_label = msgspec.json.Decoder(_Label).decode


class Digest:
    """Holds what follows from the records since it was made.

    Args:
        positions: by ``topic/partition`` the offset to go on from; a place that is not in it was never read.
        newest_ms: the greatest event time that was decided before.
        decisions: the full name of the topic of decisions; all other records are labels.

    Attributes:
        work: what is to be written.
        records: how many records it was made of.
        refused: how many entries cannot be on a list, because of their text.
    """

    def __init__(self, positions: Mapping[str, int], newest_ms: int, decisions: str) -> None:
        self._after: dict[str, int] = {}
        self.work = Work(Progress(positions, self._after), newest_ms=newest_ms)
        self.records = 0
        self.refused = 0
        self._decisions = decisions
        self._aside = Aside("decision or label")

    def take(self, messages: Iterable[TopicMessage]) -> None:
        """Takes in records; what cannot be read is logged and passed over."""
        for message in messages:
            place, offset = place_of(message), message.offset() or 0
            use = self._take_decision if message.topic() == self._decisions else self._take_label
            for _ in self._aside.each([(place, offset, message.value() or b"")], use):
                pass
            self._after[place] = offset + 1
            self.records += 1

    def _take_decision(self, value: bytes) -> None:
        decision = _decode_decision(value)
        work, event = self.work, effect_id(decision.user, decision.event_id)
        work.newest_ms = max(work.newest_ms, decision.event_time)
        if decision.revision:
            work.revised.append((event, decision.revision))
        else:
            hour = (decision.release, decision.event_time // HOUR_MS * HOUR_MS)
            work.decided[hour] = work.decided.get(hour, 0) + 1
            work.scored.append(_scored(decision, event))
        for pattern, (erred, skipped) in decision.rule_failures.items():
            before = work.failures.get(pattern, (0, 0))
            work.failures[pattern] = (before[0] + erred, before[1] + skipped)
        if decision.matches or decision.hidden:
            work.matches += _matches_of(decision, event, work.newest_ms)
            work.entries += [entry for match in decision.matches for entry in self._entries_of(decision, event, match)]

    def _take_label(self, value: bytes) -> None:
        label = _decode_label(value)
        self.work.labels.append(GivenLabel(effect_id(label.user, label.event_id), label.source, label.label, label.label_time))

    def _entries_of(self, decision: _Decision, event: str, match: _Match) -> Iterable[WantedEntry]:
        for listing in match.entries:
            try:
                check_value(listing.value, "entry")
            except Refusal:  # anybody may send any text
                self.refused += 1
                continue
            id = effect_id("list", decision.user, decision.event_id, decision.revision, match.pattern, listing.list, listing.value)
            reason = listing.reason[:REASON_CHARACTERS_MAX]
            own = (listing.list, listing.value, listing.expires, reason, match.pattern, match.version, decision.event_time)
            yield WantedEntry(id, event, decision.revision, *own)


def _scored(decision: _Decision, event: str) -> ScoredEvent:
    numbers = {f"event.{name}": value for name, value in decision.event.items()}
    numbers |= {f"feature.{name}": value for name, value in decision.features.items()}
    place = sample_place(decision.user, decision.event_time // DAY_MS * DAY_MS)
    scores = {name: said.score for name, said in decision.models.items()}
    own = (place, decision.action, decision.release, decision.probability, scores, numbers, _shares(decision.contributions))
    return ScoredEvent(event, decision.user, decision.event_time, *own)


def _shares(contributions: _Contributions) -> dict[str, dict[str, float]]:
    known = {name: share for name, share in contributions.inputs.items() if share is not None}
    return {contributions.model: known} if known else {}


def _matches_of(decision: _Decision, event: str, newest_ms: int) -> Iterable[CountedMatch]:
    acting = sum(not match.shadow for match in decision.matches)
    by_rules = decision.decided_by in BY_RULES
    for number, match in enumerate(decision.matches):
        yield CountedMatch(
            event=event,
            user=decision.user,
            event_id=decision.event_id,
            revision=decision.revision,
            pattern=match.pattern,
            version=match.version,
            release=decision.release,
            shadow=match.shadow,
            asks=match.action,
            action=decision.action,
            decided=by_rules and number == 0,
            alone=acting == (not match.shadow),
            at_ms=decision.event_time,
            newest_ms=newest_ms,
            budget=match.budget,
        )
    for hidden in decision.hidden:
        yield CountedMatch(
            event=event,
            user=decision.user,
            event_id=decision.event_id,
            revision=decision.revision,
            pattern=hidden.pattern,
            version=hidden.version,
            release=decision.release,
            shadow=False,
            asks="",
            action=decision.action,
            decided=False,
            alone=False,
            at_ms=decision.event_time,
            newest_ms=newest_ms,
            exception=hidden.exception,
        )
