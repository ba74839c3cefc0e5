"""What a user says of one kind of alert."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from alerts.policy.decided_event import DecidedEvent, Kind
from patterns.severities import SEVERITIES

PATTERN, ACTION = "pattern", "action"
"""What alerts may be grouped by beside kinds of entities."""
ENTITIES = "entities"
"""Stands for all entities of a record, whatever their kinds: an absence has one, a budget none. No file says it."""


@dataclass(frozen=True, slots=True)
class Inhibition:
    """Mutes an alert while one of the kind `name` fires whose values of `equal`, which are kinds of entities, are the same."""

    name: str
    equal: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """Says how many alerts of a kind are told one by one in each span of `per_ms`; of the others the number is told."""

    alerts: int
    per_ms: int


@dataclass(frozen=True, slots=True)
class AlertDefinition:
    """Is one entry of alerts.yaml. A decision has to meet all conditions; an empty one is met by every decision.

    Args:
        name: of the kind of alert, unique in the file.
        title: in words.
        actions: the decision's action is one of these.
        patterns: a rule that matched, and is not in shadow, is one of these.
        severity_least: the decision is at least as severe; '' for any.
        score_least: the decision has a score, and it is not below this; None for any.
        group_by: decisions that agree in these belong to one alert: kinds of entities, ``pattern`` (the weightiest rule) or ``action``.
        severity: of its alerts; '' for the greatest one of its decisions.
        window_ms: an alert that fires on is told at most once in this time.
        resolve_after_ms: it ends when no decision joined it for so long, and its risk has fallen below `risk_below`.
        risk_below: a bound of the alert's risk, the maximum of its scores, each of which halves in `risk_half_life_ms`.
        inhibited_by: what mutes it.
        limit: how many are told one by one; None for no bound.
        kinds: what may join its alerts.
    """

    name: str
    title: str
    actions: tuple[str, ...]
    patterns: tuple[str, ...]
    severity_least: str
    score_least: float | None
    group_by: tuple[str, ...]
    severity: str
    window_ms: int
    resolve_after_ms: int
    risk_below: float
    risk_half_life_ms: int
    inhibited_by: tuple[Inhibition, ...]
    limit: Limit | None
    kinds: tuple[Kind, ...] = ("decision",)

    def is_met_by(self, decided: DecidedEvent) -> bool:
        """Returns whether the decision joins or opens an alert of this kind; one that lacks what alerts are grouped by does not."""
        return (
            decided.kind in self.kinds
            and not (decided.is_retracted or decided.is_silenced)
            and (not self.actions or decided.action in self.actions)
            and (not self.patterns or any(rule.pattern in self.patterns for rule in decided.rules))
            and (not self.severity_least or SEVERITIES.index(decided.severity()) >= SEVERITIES.index(self.severity_least))
            and (self.score_least is None or (decided.score is not None and decided.score >= self.score_least))
            and self.group_of(decided) is not None
        )

    def group_of(self, decided: DecidedEvent) -> dict[str, str] | None:
        """Returns by what the decision is grouped, value by name; None if it lacks one of these."""
        group: dict[str, str] = {}
        for name in self.group_by:
            for one in decided.entities if name == ENTITIES else (name,):
                value = self._named(one, decided)
                if value is None:
                    return None
                group[one] = value
        return group

    def _named(self, name: str, decided: DecidedEvent) -> str | None:
        if name == ACTION:
            return decided.action
        if name == PATTERN:
            rules = (rule.pattern for rule in decided.rules if not self.patterns or rule.pattern in self.patterns)
            return next(rules, decided.entities.get(name))
        return decided.entities.get(name)


def fingerprint_of(name: str, group: Sequence[tuple[str, str]]) -> str:
    """Returns what alerts of one kind and group have in common: 32 hexadecimal digits of a hash (SHA-256)."""
    parts = [name.encode()]
    for key, value in group:
        parts += (key.encode(), value.encode())
    return hashlib.sha256(b"".join([len(part).to_bytes(4, "big") + part for part in parts])).hexdigest()[:32]


def alert_id_of(fingerprint: str, opening: str) -> str:
    """Returns the id of the alert that the event with the key `opening` has opened."""
    return fingerprint_of(fingerprint, [("opened by", opening)])
