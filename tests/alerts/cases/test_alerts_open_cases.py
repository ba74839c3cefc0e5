"""Alerts open cases: one per entity and typology, in the transaction that writes the alerts."""

import contextlib
import pathlib
from collections.abc import Iterator

import pytest
from cases_of_a_test import CASES_YAML
from databases_of_a_test import FickleDatabase

from alerts.cases.case_life import close, snooze
from alerts.cases.case_reader import read_cases
from alerts.keeping.alert_keeper import AlertKeeper
from alerts.policy.alert_definition import AlertDefinition, Limit
from alerts.policy.decided_event import DecidedEvent, MatchedRule
from stores.casework.case import Case, state_at
from stores.casework.cases import CaseFilter
from stores.decisions import StoreUnavailableError
from stores.relational.casework.alerts import RelationalAlerts
from stores.relational.casework.cases import RelationalCases
from stores.relational.casework.webhooks import RelationalWebhooks
from stores.relational.database import Database

MINUTE, HOUR = 60_000, 3_600_000
T0 = 1_700_000_000_000
PLACE = "weir.decisions/0"
ATTACK = AlertDefinition("attack", "an attack", ("block",), (), "", None, ("customer",), "", 10 * MINUTE, HOUR, 1.0, HOUR, (), None)
BURST = AlertDefinition("burst", "a burst", ("block",), ("burst",), "", None, ("customer",), "", 10 * MINUTE, HOUR, 1.0, HOUR, (), None)
BOTH = read_cases(CASES_YAML.replace("alerts: [attack]", "alerts: [attack, burst]"))


@pytest.fixture
def database(tmp_path: pathlib.Path) -> Iterator[FickleDatabase]:
    with contextlib.closing(FickleDatabase(tmp_path)) as opened:
        yield opened


def keeper(database: Database, *definitions: AlertDefinition) -> AlertKeeper:
    return AlertKeeper(RelationalAlerts(database), RelationalWebhooks(database), definitions or [ATTACK, BURST], policy=BOTH)


def decided(number: int, customer: str = "c1", **more: object) -> DecidedEvent:
    known: dict[str, object] = {
        "key": f"k{number}",
        "user": customer,
        "event_id": f"e{number}",
        "revision": 0,
        "event_time_ms": T0 + number,
    }
    known |= {"decided_at_ms": T0, "action": "block", "score": 0.9, "rules": (), "entities": {"customer": customer, "device": f"d{number}"}}
    return DecidedEvent(**(known | {"loss": 10.0, "probability": 0.5, "reasons": ("why",)} | more))  # type: ignore[arg-type]


def all_of(database: Database) -> list[Case]:
    return RelationalCases(database).page(CaseFilter(now_ms=T0), None, 100)


BY_BURST = (MatchedRule("burst", "critical"),)


def test_an_alert_opens_a_case_that_later_events_join(database: FickleDatabase) -> None:
    one = keeper(database)
    one.take([decided(1), decided(2, "c2")], {PLACE: 2}, T0)
    one.take([decided(3)], {PLACE: 3}, T0 + 5)
    first, second = all_of(database)
    assert (first.entity_id, first.events, first.loss, first.priority) == ("c1", 2, 20.0, 10.0)
    assert (first.first_event_ms, first.last_event_ms, first.reasons, first.alerts) == (T0 + 1, T0 + 3, ("why",), 1)
    assert first.entities == (("customer", "c1"), ("device", "d1"), ("device", "d3"))
    assert (second.entity_id, second.events, second.opened_at_ms, second.claim_by_ms) == ("c2", 1, T0, T0 + HOUR)
    store = RelationalCases(database)
    assert [event.event_id for event in store.events_of(first.id, None, 10)] == ["e1", "e3"]
    assert [entry.what for entry in store.entries_behind(first.id, 0, 10)] == ["opened", "alert_joined"]


def test_an_event_in_two_alerts_of_a_case_counts_once(database: FickleDatabase) -> None:
    one = keeper(database)
    one.take([decided(1, rules=BY_BURST)], {PLACE: 1}, T0)
    one.take([decided(2)], {PLACE: 2}, T0 + 1)
    [case] = all_of(database)
    assert (case.alerts, case.events, case.loss, case.priority, case.severity) == (2, 2, 20.0, 10.0, "critical")
    one.take([decided(1, revision=1, loss=30.0)], {PLACE: 3}, T0 + 2)  # no longer by the rule, and with another loss
    [case] = all_of(database)
    assert (case.events, case.loss, case.priority) == (2, 40.0, 20.0)
    one.take([decided(1, revision=2, action="approve")], {PLACE: 4}, T0 + 3)
    [case] = all_of(database)
    assert (case.events, case.loss, case.priority) == (1, 10.0, 5.0)
    assert [event.event_id for event in RelationalCases(database).events_of(case.id, None, 10)] == ["e2"]


def test_an_alert_that_meets_a_typology_later_brings_its_earlier_events(database: FickleDatabase) -> None:
    severe = read_cases(CASES_YAML.replace("alerts: [attack]", "alerts: [attack], severity_at_least: critical"))
    one = AlertKeeper(RelationalAlerts(database), RelationalWebhooks(database), [ATTACK], policy=severe)
    one.take([decided(1), decided(2, probability=None)], {PLACE: 2}, T0)
    assert all_of(database) == []
    one.take([decided(3, rules=BY_BURST)], {PLACE: 3}, T0 + 1)
    [case] = all_of(database)
    assert (case.events, case.loss, case.priority, case.first_event_ms) == (3, 30.0, pytest.approx(5.0 + 9.0 + 5.0), T0 + 1)


def test_an_event_without_a_known_loss_and_probability_still_counts(database: FickleDatabase) -> None:
    keeper(database).take([decided(1, loss=0.0), decided(2, loss=0.0, probability=None, score=None)], {PLACE: 2}, T0)
    assert [case.priority for case in all_of(database)] == [1.5]


def test_a_snoozed_case_wakes_when_it_escalates(database: FickleDatabase) -> None:
    one, store = keeper(database), RelationalCases(database)
    one.take([decided(1)], {PLACE: 1}, T0)
    [case] = all_of(database)
    store.change(case.id, lambda found: snooze(found, "ana", T0, None, 2, None, ""))
    one.take([decided(2)], {PLACE: 2}, T0 + 1)
    assert state_at(all_of(database)[0], T0 + 10 * HOUR) == "snoozed"
    one.take([decided(3)], {PLACE: 3}, T0 + 2)
    [awake] = all_of(database)
    assert (awake.state, awake.wakes_at_events, store.entries_behind(case.id, 2, 5)[0].what) == ("open", None, "woken")
    store.change(case.id, lambda found: snooze(found, "ana", T0, None, None, 15.0, ""))
    one.take([decided(4)], {PLACE: 4}, T0 + 3)
    assert all_of(database)[0].state == "snoozed"
    one.take([decided(5)], {PLACE: 5}, T0 + 4)
    assert all_of(database)[0].state == "open"


def test_the_alerts_of_a_closed_case_end_and_what_follows_opens_another_one(database: FickleDatabase) -> None:
    one, store = keeper(database), RelationalCases(database)
    one.take([decided(1)], {PLACE: 1}, T0)
    [case] = all_of(database)
    store.change(case.id, lambda found: close(found, "ana", T0 + 1, "a test"))
    one.tick(T0 + 2_000)
    alerts = RelationalAlerts(database)
    assert (alerts.firing(), alerts.ended(10)) == ([], {})
    one.take([decided(2)], {PLACE: 2}, T0 + 3_000)
    later = [found for found in all_of(database) if found.id != case.id]
    assert [(found.events, found.state) for found in later] == [(1, "open")]
    assert store.get(case.id).events == 1  # type: ignore[union-attr]


def test_a_flood_opens_no_cases_beyond_its_limit(database: FickleDatabase) -> None:
    limited = AlertDefinition(
        "attack", "an attack", ("block",), (), "", None, ("customer",), "", 10 * MINUTE, HOUR, 1.0, HOUR, (), Limit(3, HOUR)
    )
    keeper(database, limited).take([decided(number, f"c{number}") for number in range(10)], {PLACE: 10}, T0)
    assert len(all_of(database)) == 3


def test_a_batch_that_is_not_written_leaves_no_case(database: FickleDatabase) -> None:
    one = keeper(database)
    database.away = True
    with pytest.raises(StoreUnavailableError):
        one.take([decided(1)], {PLACE: 1}, T0)
    database.away = False
    assert all_of(database) == []
    again = keeper(database)
    again.take([decided(1)], {PLACE: 1}, T0 + 5)
    again.take([decided(1)], {PLACE: 2}, T0 + 6)  # the same decision comes again
    assert [(case.events, case.alerts) for case in all_of(database)] == [(1, 1)]
