"""Opens alerts from decisions, lets them grow, tells of them, and resolves them.

The book holds the alerts that fire. What it is given, decisions and the time, decides alone about what it gives: changes, which are written
in one transaction. A look at an alert is due when somebody may have to be told, or when it may be over; looks stand in a heap, so that
alerts at which nothing is due cost nothing.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from alerts.book.changes import Changes, Notice
from alerts.book.flood_gate import FloodGate
from alerts.book.inhibitions import Inhibitions
from alerts.book.reasons import told_reasons
from alerts.book.risk import below_risk_at_ms, more_severe, risk_now
from alerts.book.silencing import silence_of
from alerts.policy.alert_definition import AlertDefinition, alert_id_of, fingerprint_of
from alerts.policy.decided_event import DecidedEvent
from stores.casework.alerts import Alert, AlertedEvent, AlertEvent, Silence, Span

ALERT_MAX_AGE_MS = 3_600_000
EVENTS_SHOWN_MAX = 20
PATTERNS_MAX = 32
TOLD_WRONGLY = -1
"""Receivers were told of an event that was taken out of the alert, so that there is something to tell."""
MUTED_LOOK_MS = 5_000
"""An alert that something mutes is looked at so often, since what mutes it may have ended."""


class AlertBook:
    """Keeps the alerts that fire.

    Args:
        definitions: the kinds of alerts.
        firing: the alerts that fire, as the store has them.
        spans: of the limits, as the store has them.
        max_age_ms: decisions on events that are older when they come are counted, and nobody is told.
    """

    def __init__(
        self,
        definitions: Sequence[AlertDefinition],
        firing: Iterable[Alert] = (),
        spans: Iterable[Span] = (),
        max_age_ms: int = ALERT_MAX_AGE_MS,
    ) -> None:
        self._definitions = {definition.name: definition for definition in definitions}
        self._max_age_ms = max_age_ms
        self._gate = FloodGate(spans)
        self._firing = {alert.fingerprint: alert for alert in firing}
        self._fingerprints = {alert.id: alert.fingerprint for alert in self._firing.values()}
        self._inhibitions = Inhibitions(definitions, self._firing.values())
        self._untold = Counter(alert.name for alert in self._firing.values() if alert.tell_at_ms is None)
        self._looks: list[tuple[int, str]] = [(0, fingerprint) for fingerprint in sorted(self._firing)]
        self._look_at_ms = dict.fromkeys(self._firing, 0)

    def firing(self) -> list[Alert]:
        """Returns the alerts that fire."""
        return list(self._firing.values())

    def fires(self) -> bool:
        """Returns whether any alert fires."""
        return bool(self._firing)

    def keys_of(self, decided: DecidedEvent) -> list[tuple[str, str]]:
        """Returns (name of the definition, key of the event) for which `take` has to know what was counted before."""
        names = (name for name, definition in self._definitions.items() if decided.revision or definition.is_met_by(decided))
        return [(name, decided.key) for name in names]

    def take(
        self,
        decided: Iterable[DecidedEvent],
        counted: Mapping[tuple[str, str], AlertEvent],
        resolved: Mapping[str, Alert],
        silences: Sequence[Silence],
        now_ms: int,
    ) -> Changes:
        """Takes in decisions in their order. A decision that was counted before, or a revision of it that is not newer, changes nothing.

        Args:
            counted: what was counted before for `keys_of`; what is not known is left out.
            resolved: the resolved alerts, by id, that `counted` names.
            silences: those that there are.
            now_ms: the clock, ms since the epoch.
        """
        changes = Changes()
        for one in decided:
            for name, key in self.keys_of(one):
                before = changes.events.get((name, key)) or counted.get((name, key))
                if before is None or before.revision < one.revision:
                    self._count(self._definitions[name], one, before, resolved, changes, now_ms)
        for alert in list(changes.alerts.values()):
            if alert.state == "firing":
                self._look_at(alert, silences, changes, now_ms)
        return changes

    def is_due(self, now_ms: int) -> bool:
        """Returns whether `tick` may have something to do; costs less than a microsecond."""
        return bool(self._looks and self._looks[0][0] <= now_ms) or self._gate.has_spans

    def tick(self, silences: Sequence[Silence], now_ms: int) -> Changes:
        """Tells of alerts, resolves them, and ends floods, where the time for it has come. Call it each second or so."""
        changes = Changes()
        while self._looks and self._looks[0][0] <= now_ms:
            at_ms, fingerprint = heapq.heappop(self._looks)
            if self._look_at_ms.get(fingerprint) == at_ms:
                del self._look_at_ms[fingerprint]
                self._look_at(self._firing[fingerprint], silences, changes, now_ms)
        self._gate.tick({name: definition.limit for name, definition in self._definitions.items()}, changes, now_ms)
        return changes

    def resolve(self, id: str, why: str, now_ms: int) -> Changes:
        """Resolves an alert that fires, because somebody says so or its case was closed; one that does not fire stays as it is."""
        changes = Changes()
        alert = self._firing.get(self._fingerprints.get(id, ""))
        if alert is not None:
            self._resolve(alert, why, changes, now_ms)
        return changes

    def _count(
        self,
        definition: AlertDefinition,
        one: DecidedEvent,
        before: AlertEvent | None,
        resolved: Mapping[str, Alert],
        changes: Changes,
        now_ms: int,
    ) -> None:
        if before is not None and before.alert:
            self._take_out(before, resolved, changes, now_ms)
        id = ""
        if definition.is_met_by(one):
            alert = self._joined(definition, one, changes, now_ms)
            if alert is not None:
                self._keep(alert, changes)
                id = alert.id
        if id or before is not None:
            changes.events[definition.name, one.key] = AlertEvent(
                name=definition.name,
                key=one.key,
                revision=one.revision,
                alert=id,
                loss=one.loss if id else 0.0,
                user=one.user,
                event_id=one.event_id,
                event_time_ms=one.event_time_ms,
                at_ms=now_ms,
                action=one.action,
                score=one.score,
                probability=one.probability,
                rules=",".join(rule.pattern for rule in one.rules[:PATTERNS_MAX]),
                model=one.model,
            )

    def _joined(self, definition: AlertDefinition, one: DecidedEvent, changes: Changes, now_ms: int) -> Alert | None:
        """The alert that the decision joins or opens, with it; None in a flood, in which it is counted as one more alert and no more."""
        group = definition.group_of(one) or {}
        fingerprint = fingerprint_of(definition.name, list(group.items()))
        is_stale = now_ms - one.event_time_ms > self._max_age_ms
        alert = self._firing.get(fingerprint)
        if alert is None:
            if self._gate.is_shut(definition.name, self._untold[definition.name], changes, now_ms):
                return None
            alert = _opened(definition, one, group, fingerprint, now_ms)
        shown = AlertedEvent(one.event_id, one.user, one.event_time_ms, one.action, one.score)
        return msgspec.structs.replace(
            alert,
            severity=definition.severity or more_severe(alert.severity, one.severity()),
            changed_at_ms=max(alert.changed_at_ms, now_ms),
            first_event_ms=min(alert.first_event_ms, one.event_time_ms),
            last_event_ms=max(alert.last_event_ms, one.event_time_ms),
            events=alert.events + 1,
            loss=alert.loss + one.loss,
            risk=max(risk_now(alert, now_ms, definition.risk_half_life_ms), one.score or 0.0),
            risk_at_ms=max(alert.risk_at_ms, now_ms),
            patterns=tuple(dict.fromkeys((*alert.patterns, *(rule.pattern for rule in one.rules))))[:PATTERNS_MAX],
            reasons=_reasons_with(alert, one),
            newest=(shown, *alert.newest)[:EVENTS_SHOWN_MAX],
            entities=one.entities,
            is_stale=alert.is_stale and is_stale,
            told=alert.told + is_stale,
            version=alert.version + 1,
        )

    def _take_out(self, before: AlertEvent, resolved: Mapping[str, Alert], changes: Changes, now_ms: int) -> None:
        """Takes an event out of its alert; one that fires and has no other event is resolved."""
        alert = self._firing.get(self._fingerprints.get(before.alert, "")) or changes.alerts.get(before.alert) or resolved.get(before.alert)
        if alert is None:  # it was forgotten
            return
        events, loss = alert.events - 1, alert.loss - before.loss
        left = msgspec.structs.replace(alert, events=events, loss=loss, told=TOLD_WRONGLY, version=alert.version + 1)
        if left.state == "firing" and left.events == 0:
            self._resolve(left, "later revisions took its events back", changes, now_ms)
        else:
            self._keep(left, changes)

    def _look_at(self, alert: Alert, silences: Sequence[Silence], changes: Changes, now_ms: int) -> None:
        definition = self._definitions.get(alert.name)
        if definition is None:
            self._resolve(alert, "alerts of its kind are no longer defined", changes, now_ms)
        elif now_ms >= _over_at_ms(alert, definition):
            self._resolve(alert, "nothing joined it any more, and its risk has fallen", changes, now_ms)
        else:
            self._tell(alert, definition, silences, changes, now_ms)
            self._look_later(self._firing[alert.fingerprint], definition, now_ms)

    def _look_later(self, alert: Alert, definition: AlertDefinition, now_ms: int) -> None:
        at_ms = _over_at_ms(alert, definition)
        if alert.told < alert.events and not alert.is_stale and not alert.is_beyond_limit:
            again_ms = now_ms + MUTED_LOOK_MS if alert.muted_by or alert.tell_at_ms is None else alert.tell_at_ms
            at_ms = min(at_ms, max(min(again_ms, now_ms + definition.window_ms), now_ms + 1))
        if at_ms < self._look_at_ms.get(alert.fingerprint, at_ms + 1):
            self._look_at_ms[alert.fingerprint] = at_ms
            heapq.heappush(self._looks, (at_ms, alert.fingerprint))

    def _tell(self, alert: Alert, definition: AlertDefinition, silences: Sequence[Silence], changes: Changes, now_ms: int) -> None:
        """Tells of events that nobody was told of, unless something mutes the alert, or it was told a moment ago."""
        is_just_told = alert.tell_at_ms is not None and alert.tell_at_ms - definition.window_ms <= now_ms < alert.tell_at_ms
        is_told = alert.told >= alert.events or is_just_told
        if is_told or alert.is_stale or alert.is_beyond_limit:
            return
        muted_by = self._muted_by(alert, definition, silences, now_ms)
        is_first = alert.tell_at_ms is None
        is_beyond = not muted_by and is_first and not self._gate.admits(alert.name, definition.limit, changes, now_ms)
        if muted_by or is_beyond:
            if (muted_by, is_beyond) != (alert.muted_by, False):
                muted = msgspec.structs.replace(alert, muted_by=muted_by, is_beyond_limit=is_beyond, version=alert.version + 1)
                self._keep(muted, changes)
            return
        at_ms = now_ms + definition.window_ms
        told = msgspec.structs.replace(alert, muted_by="", told=alert.events, tell_at_ms=at_ms, version=alert.version + 1)
        self._keep(told, changes)
        changes.notices.append(Notice("opened" if is_first else "updated", told))

    def _muted_by(self, alert: Alert, definition: AlertDefinition, silences: Sequence[Silence], now_ms: int) -> str:
        silence = silence_of(alert, silences, now_ms)
        if silence is not None:
            return f"a silence of {silence.by}: {silence.comment}"
        inhibiting = self._inhibitions.of(definition, alert)
        return f"the alert {inhibiting}, which fires" if inhibiting else ""

    def _resolve(self, alert: Alert, why: str, changes: Changes, now_ms: int) -> None:
        ended = msgspec.structs.replace(alert, state="resolved", resolved_at_ms=now_ms, resolution=why, version=alert.version + 1)
        self._keep(ended, changes)
        if ended.tell_at_ms is not None:
            changes.notices.append(Notice("resolved", ended))

    def _keep(self, alert: Alert, changes: Changes) -> None:
        changes.alerts[alert.id] = alert
        was_firing = alert.id in self._fingerprints
        was_untold = was_firing and self._firing[alert.fingerprint].tell_at_ms is None
        self._untold[alert.name] += (alert.state == "firing" and alert.tell_at_ms is None) - was_untold
        if alert.state == "firing":
            self._firing[alert.fingerprint] = alert
            self._fingerprints[alert.id] = alert.fingerprint
        elif was_firing:
            del self._firing[self._fingerprints.pop(alert.id)]
            self._look_at_ms.pop(alert.fingerprint, None)
        if was_firing != (alert.state == "firing"):
            self._inhibitions.count(alert, -1 if was_firing else 1)


def _over_at_ms(alert: Alert, definition: AlertDefinition) -> int:
    """When the alert is over if nothing joins it (inclusive)."""
    return max(
        alert.changed_at_ms + definition.resolve_after_ms,
        below_risk_at_ms(alert, definition.risk_below, definition.risk_half_life_ms),
    )


def _opened(definition: AlertDefinition, one: DecidedEvent, group: Mapping[str, str], fingerprint: str, now_ms: int) -> Alert:
    """An alert that has no event yet."""
    return Alert(
        id=alert_id_of(fingerprint, f"{one.key}/{one.revision}"),
        fingerprint=fingerprint,
        name=definition.name,
        title=definition.title,
        group=group,
        state="firing",
        severity=definition.severity or one.severity(),
        opened_at_ms=now_ms,
        changed_at_ms=now_ms,
        first_event_ms=one.event_time_ms,
        last_event_ms=one.event_time_ms,
        events=0,
        loss=0.0,
        risk=0.0,
        risk_at_ms=now_ms,
        patterns=(),
        reasons=(),
        newest=(),
        entities=one.entities,
        is_stale=True,
        version=0,
    )


def _reasons_with(alert: Alert, one: DecidedEvent) -> tuple[str, ...]:
    """The reasons of the alert with those of a decision that joins it, which come first if it opens the alert or brings another rule."""
    tells = alert.events == 0 or any(rule.pattern not in alert.patterns for rule in one.rules)
    return told_reasons((*one.reasons, *alert.reasons)) if tells else alert.reasons
