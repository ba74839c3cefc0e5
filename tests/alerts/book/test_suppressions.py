"""Alerts of a rule are silenced for events that follow one that was alerted, and while the rule is snoozed; decisions stay as they are."""

from dataclasses import replace

from alerts.book.suppressions import Suppressions
from alerts.policy.alert_definition import AlertDefinition
from alerts.policy.decided_event import DecidedEvent, MatchedRule
from patterns.language.pattern import Suppress
from stores.casework.alerts import Suppression
from stores.casework.snoozes import Snooze

MINUTE, HOUR = 60_000, 3_600_000
T0 = 1_000_000_000_000
ATTACK = AlertDefinition("attack", "an attack", ("review", "block"), (), "", None, ("card",), "", 10 * MINUTE, HOUR, 1.0, HOUR, (), None)
BY_CARD = Suppress(("card",), HOUR)


def decided(number: int, at_ms: int = T0, card: str | None = "c1", *rules: MatchedRule, **more: object) -> DecidedEvent:
    entities = {"user": "u1"} | ({"card": card} if card else {})
    known = {
        "key": f"k{number}",
        "user": "u1",
        "event_id": f"e{number}",
        "revision": 0,
        "event_time_ms": at_ms,
        "decided_at_ms": at_ms,
        "action": "block",
        "score": 0.99,
        "rules": rules or (MatchedRule("often", "high", BY_CARD),),
        "entities": entities,
        "values": entities,
        "is_of_rules": True,
    }
    return DecidedEvent(**(known | more))  # type: ignore[arg-type]


def quiet(*definitions: AlertDefinition, standing: list[Suppression] | None = None) -> Suppressions:
    return Suppressions(definitions or (ATTACK,), standing or [])


def heard(suppressions: Suppressions, *many: DecidedEvent, snoozes: list[Snooze] | None = None, now_ms: int = T0) -> list[bool]:
    return [not suppressions.heard(one, snoozes or [], now_ms).is_silenced for one in many]


def test_events_with_the_same_values_are_silenced_for_the_time_from_the_first_one_on() -> None:
    events = [decided(1), decided(2, T0 + 1), decided(3, T0 + HOUR), decided(4, T0 + HOUR + 1), decided(5, T0 + 2 * HOUR)]
    own = quiet()
    assert heard(own, *events) == [True, False, False, True, False]
    [found] = own.take_changes()
    assert (found.pattern, found.fields, found.opened_by) == ("often", {"card": "c1"}, "k4")
    assert (found.since_ms, found.until_ms, found.silenced) == (T0 + HOUR + 1, T0 + 2 * HOUR + 1, 3)
    assert own.take_changes() == []


def test_other_values_and_other_rules_are_heard() -> None:
    other = MatchedRule("other", "low", BY_CARD)
    assert heard(quiet(), decided(1), decided(2, T0, "c2"), decided(3, T0, "c1", other), decided(4)) == [True, True, True, False]


def test_a_later_revision_of_the_event_that_was_alerted_is_heard() -> None:
    assert heard(quiet(), decided(1), decided(1, revision=1), decided(2, revision=1)) == [True, True, False]


def test_an_event_from_before_the_one_that_was_alerted_is_heard_and_silences_nothing_else() -> None:
    assert heard(quiet(), decided(1), decided(2, T0 - 5), decided(3, T0 + HOUR)) == [True, True, False]


def test_an_event_that_lacks_a_value_is_alerted_always_or_the_lack_is_a_value() -> None:
    counted = MatchedRule("often", "high", replace(BY_CARD, alert_missing=False))
    lacking = [decided(number, T0, None) for number in (1, 2)]
    by_user = replace(ATTACK, group_by=("user",))
    assert heard(quiet(by_user), *lacking) == [True, True]
    assert heard(quiet(by_user), *(replace(one, rules=(counted,)) for one in lacking)) == [True, False]


def test_what_no_kind_of_alert_hears_silences_nothing() -> None:
    assert heard(quiet(), decided(1, action="approve"), decided(2)) == [True, True]


def test_a_decision_of_several_rules_is_heard_without_those_that_are_silenced() -> None:
    own, other = quiet(), MatchedRule("other", "low")
    own.heard(decided(1), [], T0)
    found = own.heard(decided(2, T0, "c1", MatchedRule("often", "high", BY_CARD), other), [], T0)
    assert (found.rules, found.is_silenced) == ((other,), False)
    assert not ATTACK.is_met_by(own.heard(decided(3), [], T0))


def test_a_decision_that_its_score_made_is_heard_without_the_rule() -> None:
    own = quiet()
    own.heard(decided(1), [], T0)
    found = own.heard(decided(2, is_of_rules=False), [], T0)
    assert (found.rules, ATTACK.is_met_by(found)) == ((), True)
    assert not replace(ATTACK, patterns=("often",)).is_met_by(found)


def test_a_snooze_silences_the_rule_while_it_holds_and_for_its_values_alone() -> None:
    snooze = Snooze("s1", "often", {"card": "c1"}, "a test", "ana", T0, T0 + HOUR)
    own = quiet()
    plain = MatchedRule("often", "high")
    events = [decided(1, T0, "c1", plain), decided(2, T0, "c2", plain)]
    assert heard(own, *events, snoozes=[snooze]) == [False, True]
    assert [(each.key, each.silenced) for each in own.take_changes()] == [("snooze/s1", 1)]
    assert heard(own, *events, snoozes=[snooze], now_ms=T0 + HOUR) == [True, True]
    assert heard(own, *events, snoozes=[replace_lifted(snooze)], now_ms=T0 + 5) == [True, True]


def replace_lifted(snooze: Snooze) -> Snooze:
    return Snooze(snooze.id, snooze.pattern, snooze.fields, snooze.comment, snooze.by, snooze.from_ms, snooze.until_ms, "ana", T0 + 1)


def test_absences_are_silenced_and_budgets_are_not() -> None:
    snooze = Snooze("s1", "often", {}, "a test", "ana", T0, T0 + HOUR)
    absence, budget = decided(1, kind="absence", action="absence"), decided(2, kind="budget", action="budget")
    assert heard(quiet(), absence, budget, snoozes=[snooze]) == [False, True]


def test_what_stood_before_a_restart_stands() -> None:
    first = quiet()
    heard(first, decided(1), decided(2))
    again = quiet(standing=first.take_changes())
    assert heard(again, decided(3, T0 + 5)) == [False]
    assert [each.silenced for each in again.take_changes()] == [2]
