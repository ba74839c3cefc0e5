"""Reads records of the topics ``decisions`` and ``alerts`` as what alerts need to know of them."""

import logging
from collections.abc import Mapping, Set
from dataclasses import replace

import msgspec

from alerts.policy.decided_event import DecidedEvent, Kind, MatchedRule
from patterns.matches import Rule
from patterns.policy import BY_RULES, BY_SCORE
from pipeline.comparison.drift_spans import DriftAlert
from pipeline.engine.decisions.absence_record import AbsentEntity
from pipeline.engine.definitions.release import Release
from stores.effects import effect_id

LOSS_MAX = 1e15
"""An event counts as no greater loss than this: a sum of these stays a number, which JSON can hold."""
log = logging.getLogger(__name__)

UNKNOWN_SEVERITY = "medium"
"""Of a rule that the release in force no longer has."""


class _Match(msgspec.Struct):
    pattern: str
    shadow: bool = False


class _Contributions(msgspec.Struct, frozen=True):
    model: str = ""


class _Decision(msgspec.Struct):
    event_id: str
    revision: int
    event_time: int
    user: str
    entities: dict[str, str | None]
    score: float | None
    action: str
    processed_at: int
    reasons: list[str] = []
    matches: list[_Match] = []
    event: dict[str, float | bool | None] = {}
    dimensions: dict[str, str | None] = {}
    decided_by: str = ""
    contributions: _Contributions = _Contributions()
    flags: list[str] = []
    probability: float | None = None


class _Absence(msgspec.Struct, tag_field="type", tag="absence"):
    id: str
    pattern: str
    severity: str
    shadow: bool
    entity: AbsentEntity
    event_time: int
    reason: str


class _Budget(msgspec.Struct, tag_field="type", tag="budget"):
    id: str
    pattern: str
    event_time: int
    reason: str


_decode = msgspec.json.Decoder(_Decision).decode
_decode_alert = msgspec.json.Decoder(_Absence | _Budget | DriftAlert).decode


class DecidedEvents:
    """Reads decisions as `release`, the one in force, describes their events.

    Args:
        release: names the primary entity, the severities of rules, and what an event would cost.
    """

    def __init__(self, release: Release) -> None:
        self.release = release
        self._user = release.schema.user
        self._loss = release.policy.loss
        schema = release.schema
        kept = {schema.user, *schema.entities, *schema.columns, *schema.dimensions}
        self._rules = {rule.pattern: _matched(rule, kept) for rule in release.rules.each}

    def read_alert(self, value: bytes) -> DecidedEvent | None:
        """Reads one record of ``alerts``; None for an absence of a rule in shadow, of which nobody is told.

        Raises:
            ValueError: it is neither an absence nor a budget nor a drift.
        """
        record = _decode_alert(value)
        if isinstance(record, DriftAlert):
            return _drift(record)
        if isinstance(record, _Budget):
            return self._told("budget", record, self._rule(record.pattern).severity, {})
        return None if record.shadow else self._told("absence", record, record.severity, {record.entity.kind: record.entity.id})

    def _told(self, kind: Kind, record: _Absence | _Budget, severity: str, entities: Mapping[str, str]) -> DecidedEvent:
        return DecidedEvent(
            key=effect_id(kind, record.id),
            user=entities.get(self._user, ""),
            event_id=record.id,
            revision=0,
            event_time_ms=record.event_time,
            decided_at_ms=record.event_time,
            action=kind,
            score=None,
            rules=(replace(self._rule(record.pattern), severity=severity),),
            entities=entities,
            values=entities,
            is_of_rules=True,
            reasons=(record.reason,),
            kind=kind,
        )

    def _rule(self, pattern: str) -> MatchedRule:
        return self._rules.get(pattern) or MatchedRule(pattern, UNKNOWN_SEVERITY)

    def read(self, value: bytes) -> DecidedEvent:
        """Reads one record of ``decisions``.

        Raises:
            ValueError: it is no decision.
        """
        decision = _decode(value)
        rules = tuple(self._rule(match.pattern) for match in decision.matches if not match.shadow)
        entities = {self._user: decision.user, **{kind: id for kind, id in decision.entities.items() if id}}
        loss = decision.event.get(self._loss.field) if self._loss else None
        return DecidedEvent(
            key=effect_id(decision.user, decision.event_id),
            user=decision.user,
            event_id=decision.event_id,
            revision=decision.revision,
            event_time_ms=decision.event_time,
            decided_at_ms=decision.processed_at,
            action=decision.action,
            score=decision.score,
            rules=rules,
            entities=entities,
            values=_values_of(decision, entities) if rules else {},
            is_of_rules=decision.decided_by in BY_RULES,
            model=decision.contributions.model if decision.decided_by == BY_SCORE else "",
            loss=min(max(float(loss or 0.0), -LOSS_MAX), LOSS_MAX),
            reasons=tuple(decision.reasons),
            is_retracted="retracted" in decision.flags,
            probability=decision.probability,
        )


def _drift(record: DriftAlert) -> DecidedEvent:
    """Returns a drift, whose end takes back what its beginning opened."""
    return DecidedEvent(
        key=effect_id("drift", record.subject, record.since),
        user="",
        event_id=record.subject,
        revision=int(record.is_over),
        event_time_ms=record.event_time,
        decided_at_ms=record.event_time,
        action="drift",
        score=None,
        rules=(),
        entities={},
        reasons=(record.reason,),
        is_retracted=record.is_over,
        kind="drift",
    )


def _matched(rule: Rule, kept: Set[str]) -> MatchedRule:
    """Returns a rule as alerts know it. One that is to be silenced by a field that decisions do not keep is never silenced."""
    suppress = rule.suppress
    if suppress is not None and not kept >= set(suppress.by):
        fields = ", ".join(field for field in suppress.by if field not in kept)
        log.warning("alerts of the rule %s are not silenced: decisions do not keep %s; give it dimension: true", rule.pattern, fields)
        suppress = None
    return MatchedRule(rule.pattern, rule.severity, suppress)


def _values_of(decision: _Decision, entities: Mapping[str, str]) -> dict[str, str]:
    """Returns what a decision keeps of its event's fields, as texts."""
    numbers = {name: msgspec.json.encode(value).decode() for name, value in decision.event.items() if value is not None}
    return {**numbers, **{name: text for name, text in decision.dimensions.items() if text is not None}, **entities}
