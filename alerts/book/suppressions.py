"""Silences rules: for events that follow one that was alerted, as the rules themselves say, and while somebody snoozes them.

A silenced rule is not heard by alerts; what it does to decisions goes on. A decision, or an absence, all of whose rules are silenced is not
heard at all where these made it; one that its score made is heard without them.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

import msgspec

from alerts.policy.alert_definition import AlertDefinition
from alerts.policy.decided_event import DecidedEvent, MatchedRule
from stores.casework.alerts import OF_SNOOZE, Suppression
from stores.casework.snoozes import Snooze

KEPT_MAX = 200_000
"""So many are held; beyond that those go that are over."""


class Suppressions:
    """Knows what silences rules. What changes is for the caller to write, in one transaction with what alerts make of the same decisions.

    Args:
        definitions: the kinds of alerts; a rule is silenced after a decision that one of them heard because of it.
        standing: those that the store has.
    """

    def __init__(self, definitions: Sequence[AlertDefinition], standing: Iterable[Suppression]) -> None:
        self._definitions = definitions
        self._standing = {(each.pattern, each.key): each for each in standing}
        self._changed: dict[tuple[str, str], Suppression] = {}

    def heard(self, one: DecidedEvent, snoozes: Sequence[Snooze], now_ms: int) -> DecidedEvent:
        """Returns a decision as alerts hear it, counts what is silenced, and lets a rule that is heard be silenced from now on.

        Args:
            snoozes: those that there are.
            now_ms: the clock, ms since the epoch; snoozes hold by it, and what a rule says by the time of events.
        """
        if not one.rules or one.kind == "budget" or one.is_retracted:
            return one
        silent = {rule.pattern for rule in one.rules if self._silences(rule, one, snoozes, now_ms)}
        kept = tuple(rule for rule in one.rules if rule.pattern not in silent)
        heard = replace(one, rules=kept, is_silenced=one.is_of_rules and not kept) if silent else one
        beginning = [rule for rule in kept if rule.suppress is not None]
        if beginning and any(definition.is_met_by(heard) for definition in self._definitions):
            for rule in beginning:
                self._begin(rule, one)
        return heard

    def take_changes(self) -> list[Suppression]:
        """Returns those that have changed since the last call."""
        changed, self._changed = self._changed, {}
        return list(changed.values())

    def _silences(self, rule: MatchedRule, one: DecidedEvent, snoozes: Sequence[Snooze], now_ms: int) -> bool:
        for snooze in snoozes:
            if snooze.pattern == rule.pattern and snooze.holds_at(now_ms) and snooze.fields.items() <= one.values.items():
                key = OF_SNOOZE + snooze.id
                own = Suppression(rule.pattern, key, snooze.fields, "", snooze.from_ms, snooze.until_ms)
                self._count(self._standing.get((rule.pattern, key), own))
                return True
        key = _key_of(rule, one)
        standing = self._standing.get((rule.pattern, key)) if key else None
        if standing is None or rule.suppress is None or standing.opened_by == one.key:
            return False
        if not standing.since_ms <= one.event_time_ms <= standing.since_ms + rule.suppress.for_ms:
            return False
        self._count(standing)
        return True

    def _begin(self, rule: MatchedRule, one: DecidedEvent) -> None:
        key = _key_of(rule, one)
        before = self._standing.get((rule.pattern, key))
        if not key or rule.suppress is None or (before is not None and before.since_ms >= one.event_time_ms):
            return
        values = {field: one.values[field] for field in rule.suppress.by if field in one.values}
        silenced, until_ms = 0 if before is None else before.silenced, one.event_time_ms + rule.suppress.for_ms
        self._put(Suppression(rule.pattern, key, values, one.key, one.event_time_ms, until_ms, silenced))
        if len(self._standing) > KEPT_MAX:
            self._standing = {place: each for place, each in self._standing.items() if each.until_ms >= one.event_time_ms}

    def _count(self, suppression: Suppression) -> None:
        self._put(msgspec.structs.replace(suppression, silenced=suppression.silenced + 1))

    def _put(self, suppression: Suppression) -> None:
        self._standing[suppression.pattern, suppression.key] = self._changed[suppression.pattern, suppression.key] = suppression


def _key_of(rule: MatchedRule, one: DecidedEvent) -> str:
    """Returns what the values have in common by which a rule is silenced: 32 hexadecimal digits; '' where an event is never silenced."""
    if rule.suppress is None:
        return ""
    values = [one.values.get(field) for field in rule.suppress.by]
    if rule.suppress.alert_missing and None in values:
        return ""
    texts = [text for field, value in zip(rule.suppress.by, values, strict=True) for text in (field, "" if value is None else f"={value}")]
    parts = [text.encode() for text in texts]
    return hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).hexdigest()[:32]
