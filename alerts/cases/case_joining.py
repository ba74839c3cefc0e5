"""Alerts open cases, and join those that are open: one per entity and typology.

It is asked within the transaction that writes the alerts, so that what it is told of the cases holds until what follows is written.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from alerts.book.changes import Changes
from alerts.book.reasons import told_reasons
from alerts.book.risk import more_severe
from alerts.cases.case_policy import CasePolicy, Typology
from alerts.policy.decided_event import DecidedEvent
from foundation.time_ids import uuid7
from stores.casework.alerts import Alert, AlertEvent
from stores.casework.case import Case, CaseChange, CaseEntry, EntryWord
from stores.casework.case_growth import CaseGrowth, Standing, worth_of

PATTERNS_MAX = 32
ENTITIES_MAX = 50


def case_id_of(at_ms: int, what: str) -> str:
    """Returns the id of the case that was opened at `at_ms` by or for `what`."""
    return uuid7(at_ms, b"case " + what.encode("utf-8", "surrogatepass"))


def with_entry(case: Case, at_ms: int, what: EntryWord, by: str = "", text: str = "", subject: str = "") -> tuple[Case, CaseEntry]:
    """Returns the case with one entry more, and the entry."""
    entry = CaseEntry(case.entries + 1, at_ms, case.version, what, by, text, subject)
    return msgspec.structs.replace(case, entries=entry.number), entry


def opened_case(typology: Typology, entity_id: str, at_ms: int, what: str, by: str, severity: str) -> Case:
    """Returns a new case without alerts."""
    return Case(
        id=case_id_of(at_ms, what),
        entity_kind=typology.entity,
        entity_id=entity_id,
        typology=typology.name,
        title=typology.title,
        inbox=typology.inbox,
        state="open",
        opened_at_ms=at_ms,
        opened_by=by,
        changed_at_ms=at_ms,
        severity=severity,
        claim_by_ms=at_ms + typology.claim_within_ms,
        decide_by_ms=at_ms + typology.decide_within_ms,
        entities=((typology.entity, entity_id),),
    )


class CaseJoining:
    """Says what follows for cases from changes of alerts; see `stores.casework.case_growth.CaseFollowing`.

    Args:
        policy: says which alerts open cases.
        changes: of alerts and the events that count in them.
        decided: the decisions that made them.
        now_ms: the clock, ms since the epoch.
    """

    def __init__(self, policy: CasePolicy, changes: Changes, decided: Iterable[DecidedEvent], now_ms: int) -> None:
        self._policy = policy
        self._alerts = changes.alerts
        self._events = changes.events
        self._entities = {one.key: one.entities for one in decided}
        self._now_ms = now_ms
        self._cases: dict[str, Case] = {}
        self._before: dict[str, Case] = {}
        self._entries: dict[str, list[CaseEntry]] = defaultdict(list)
        self._of_alerts: dict[str, str] = {}
        self._joined: dict[str, str] = {}
        self._recounted: list[str] = []

    def alerts(self) -> Sequence[str]:
        """Returns the ids of the alerts that changed, and of those that events left."""
        return list(self._alerts)

    def openings(self) -> Sequence[tuple[str, str, str]]:
        """Returns (kind of entity, its id, typology) of the cases that the alerts may be in."""
        met = ((self._policy.typology_of(alert), alert) for alert in self._alerts.values())
        return [(typology.entity, alert.group[typology.entity], typology.name) for typology, alert in met if typology is not None]

    def events(self) -> tuple[Sequence[str], Sequence[str]]:
        """Returns the kinds of alerts that may share events, and the keys of the events that changed."""
        names = dict.fromkeys(name for typology in self._policy.typologies for name in typology.alerts)
        names |= dict.fromkeys(name for name, _ in self._events)
        return list(names), list(dict.fromkeys(key for _, key in self._events))

    def follow(self, standing: Standing) -> CaseGrowth:
        """Returns what follows."""
        opened = {key: case.id for key, case in standing.open.items()}
        for case in (*standing.open.values(), *(case for case in standing.of_alerts.values() if case is not None)):
            self._cases[case.id] = self._before[case.id] = case
        for alert in self._alerts.values():
            if alert.id in standing.of_alerts:
                found = standing.of_alerts[alert.id]
                self._of_alerts[alert.id] = found.id if found is not None else ""
            else:
                self._join(alert, opened)
        moved = self._count(standing)
        for alert in self._alerts.values():
            self._describe(alert)
        self._wake()
        changed = [case for id, case in self._cases.items() if case != self._before.get(id)]
        return CaseGrowth([self._change(case) for case in changed], self._joined, self._recounted, moved, self._now_ms)

    def _join(self, alert: Alert, opened: dict[tuple[str, str, str], str]) -> None:
        typology = self._policy.typology_of(alert)
        if typology is None or alert.events < 1:
            return
        key = (typology.entity, alert.group[typology.entity], typology.name)
        if key not in opened:
            if alert.is_beyond_limit:  # a flood fills no inbox: what joins an open case does, and else the number is told
                return
            case = opened_case(typology, key[1], self._now_ms, f"{alert.id} {typology.name}", "", alert.severity)
            self._note(case, "opened")
            opened[key] = case.id
        id = opened[key]
        case = self._cases[id]
        self._note(msgspec.structs.replace(case, alerts=case.alerts + 1), "alert_joined", alert.title, alert.id)
        self._of_alerts[alert.id] = self._joined[alert.id] = id
        if alert.events > sum(1 for event in self._events.values() if event.alert == alert.id):
            self._recounted.append(id)

    def _count(self, standing: Standing) -> dict[tuple[str, str], str]:
        """Adds to each case what events bring that it had not, and takes off what they take with them; returns where they are now."""
        moved = {place: self._of_alerts.get(event.alert, "") if event.alert else "" for place, event in self._events.items()}
        before: dict[tuple[str, str], tuple[float, float]] = {}
        after: dict[tuple[str, str], tuple[float, float]] = {}
        for (name, key), stood in standing.events.items():
            if stood.case_id:
                before[stood.case_id, key] = (stood.loss, stood.worth)
                if (name, key) not in moved:
                    after[stood.case_id, key] = (stood.loss, stood.worth)
        for (name, key), id in moved.items():
            if id:
                after[id, key] = (self._events[name, key].loss, worth_of(self._events[name, key]))
        for id, key in before.keys() | after.keys():
            self._add(id, before.get((id, key)), after.get((id, key)))
        for place, id in moved.items():
            if id:
                self._extend(id, self._events[place])
        return moved

    def _add(self, id: str, before: tuple[float, float] | None, after: tuple[float, float] | None) -> None:
        case = self._cases.get(id)
        if case is None or before == after:
            return
        (loss_before, worth_before), (loss, worth) = before or (0.0, 0.0), after or (0.0, 0.0)
        self._cases[id] = msgspec.structs.replace(
            case,
            events=case.events + (after is not None) - (before is not None),
            loss=case.loss + loss - loss_before,
            priority=case.priority + worth - worth_before,
        )

    def _extend(self, id: str, event: AlertEvent) -> None:
        case = self._cases[id]
        at_ms = event.event_time_ms
        entities = dict.fromkeys((*case.entities, *self._entities.get(event.key, {}).items()))
        self._cases[id] = msgspec.structs.replace(
            case,
            first_event_ms=at_ms if case.first_event_ms is None else min(case.first_event_ms, at_ms),
            last_event_ms=at_ms if case.last_event_ms is None else max(case.last_event_ms, at_ms),
            entities=tuple(entities)[:ENTITIES_MAX],
        )

    def _describe(self, alert: Alert) -> None:
        case = self._cases.get(self._of_alerts.get(alert.id, ""))
        if case is not None:
            self._cases[case.id] = msgspec.structs.replace(
                case,
                severity=more_severe(case.severity, alert.severity),
                patterns=tuple(dict.fromkeys((*case.patterns, *alert.patterns)))[:PATTERNS_MAX],
                reasons=told_reasons((*alert.reasons, *case.reasons)),
            )

    def _wake(self) -> None:
        for case in list(self._cases.values()):
            many = case.wakes_at_events is not None and case.events >= case.wakes_at_events
            much = case.wakes_at_loss is not None and case.loss >= case.wakes_at_loss
            if case.state == "snoozed" and (many or much):
                text = f"it has {case.events} events with a loss of {case.loss:.2f}"
                self._note(woken(case), "woken", text)

    def _note(self, case: Case, what: EntryWord, text: str = "", subject: str = "") -> None:
        self._cases[case.id], entry = with_entry(case, self._now_ms, what, "", text, subject)
        self._entries[case.id].append(entry)

    def _change(self, case: Case) -> CaseChange:
        grown = msgspec.structs.replace(case, changed_at_ms=max(case.changed_at_ms, self._now_ms), growth=case.growth + 1)
        known = self._before[case.id].entities if case.id in self._before else ()
        return CaseChange(grown, self._entries.get(case.id, ()), entities=[one for one in case.entities if one not in known])


def woken(case: Case) -> Case:
    """Returns a snoozed case that sleeps no longer."""
    return msgspec.structs.replace(
        case, state="open", snoozed_until_ms=None, wakes_at_events=None, wakes_at_loss=None, version=case.version + 1
    )
