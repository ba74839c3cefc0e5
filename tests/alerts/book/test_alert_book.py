"""Alerts as they open, grow, are told of and end."""

from collections import defaultdict
from dataclasses import replace

import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.book import flood_gate
from alerts.book.alert_book import AlertBook
from alerts.book.changes import Changes, Flood, Notice
from alerts.policy.alert_definition import AlertDefinition, Inhibition, Limit
from alerts.policy.decided_event import DecidedEvent, MatchedRule
from stores.casework.alerts import Alert, AlertEvent, Silence

MINUTE, HOUR = 60_000, 3_600_000
T0 = 1_000_000_000_000
ATTACK = AlertDefinition("attack", "an attack", ("review", "block"), (), "", None, ("card",), "", 10 * MINUTE, HOUR, 1.0, HOUR, (), None)


def decided(number: int, card: str = "c1", at_ms: int = T0, action: str = "block", **more: object) -> DecidedEvent:
    known = {
        "key": f"k{number}",
        "user": "u1",
        "event_id": f"e{number}",
        "revision": 0,
        "event_time_ms": at_ms,
        "decided_at_ms": at_ms,
        "action": action,
    }
    known |= {"score": 0.99, "rules": (), "entities": {"user": "u", "card": card, "shop": "s1"}, "loss": 10.0}
    return DecidedEvent(**(known | more))  # type: ignore[arg-type]


class Run:
    """A book with all that it has said, as a store would have it."""

    def __init__(self, *definitions: AlertDefinition) -> None:
        self.definitions = definitions or (ATTACK,)
        self.book = AlertBook(self.definitions)
        self.alerts: dict[str, Alert] = {}
        self.events: dict[tuple[str, str], AlertEvent] = {}
        self.spans: dict[str, object] = {}
        self.notices: list[Notice | Flood] = []
        self.silences: list[Silence] = []

    def take(self, *many: DecidedEvent, now_ms: int | None = None) -> Changes:
        now_ms = max(one.event_time_ms for one in many) if now_ms is None else now_ms
        resolved = {id: alert for id, alert in self.alerts.items() if alert.state == "resolved"}
        return self._kept(self.book.take(many, self.events, resolved, self.silences, now_ms))

    def tick(self, now_ms: int) -> Changes:
        return self._kept(self.book.tick(self.silences, now_ms))

    def restart(self) -> None:
        firing = [alert for alert in self.alerts.values() if alert.state == "firing"]
        self.book = AlertBook(self.definitions, firing, self.spans.values())  # type: ignore[arg-type]

    def told(self) -> list[tuple[str, str, int]]:
        return [
            (notice.what, notice.alert.group.get("card", ""), notice.alert.events) for notice in self.notices if isinstance(notice, Notice)
        ]

    def _kept(self, changes: Changes) -> Changes:
        self.alerts |= changes.alerts
        self.events |= changes.events
        self.spans |= changes.spans
        self.notices += changes.notices
        return changes


def test_the_first_decision_opens_an_alert_and_further_ones_join_it() -> None:
    run = Run()
    run.take(decided(1), decided(2, at_ms=T0 + 5), decided(3, "c2", action="review"), decided(4, action="approve"))
    one, two = run.book.firing()
    assert (one.events, one.loss, one.first_event_ms, one.last_event_ms, one.severity) == (2, 20.0, T0, T0 + 5, "high")
    assert (two.events, two.severity, two.group) == (1, "medium", {"card": "c2"})
    assert [event.event_id for event in one.newest] == ["e2", "e1"]
    assert run.told() == [("opened", "c1", 2), ("opened", "c2", 1)]


def test_a_decision_that_brings_another_rule_has_its_reasons_before_those_of_the_opening_one() -> None:
    fast, out = MatchedRule("velocity", "medium"), MatchedRule("bust_out", "high")
    run = Run()
    run.take(decided(1, rules=(fast,), reasons=("6 terminals",)), decided(2, rules=(fast,), reasons=("7 terminals",)))
    run.take(decided(3, rules=(out, fast), reasons=("all was spent", "8 terminals")), decided(4, reasons=("amount: 9",)))
    [alert] = run.alerts.values()
    assert alert.reasons == ("all was spent", "8 terminals", "6 terminals")


def test_of_more_reasons_than_are_kept_each_rule_is_heard_before_one_speaks_twice() -> None:
    run = Run()
    run.take(decided(1, rules=(MatchedRule("takeover", "high"),), reasons=("a new password (takeover)", "amount: 8")))
    run.take(decided(2, rules=(MatchedRule("spree", "high"),), reasons=("payment 3 (spree)", "amount: 9")))
    spoken = ("6 terminals (fast)", "payment 4 (spree)", "amount: 7")
    run.take(decided(3, rules=(MatchedRule("fast", "high"), MatchedRule("spree", "high")), reasons=spoken))
    [alert] = run.alerts.values()
    assert alert.reasons == ("6 terminals (fast)", "payment 4 (spree)", "a new password (takeover)", "amount: 7", "amount: 9")


def test_the_same_decision_counts_once() -> None:
    run = Run()
    for _ in range(3):
        run.take(decided(1))
    assert (run.book.firing()[0].events, run.told()) == (1, [("opened", "c1", 1)])


def test_an_alert_that_fires_on_is_told_once_in_its_window() -> None:
    run = Run()
    for minute in range(25):
        run.take(decided(minute, at_ms=T0 + minute * MINUTE))
        run.tick(T0 + minute * MINUTE + 1)
    assert run.told() == [("opened", "c1", 1), ("updated", "c1", 11), ("updated", "c1", 21)]
    run.tick(T0 + 31 * MINUTE)
    assert run.told()[-1] == ("updated", "c1", 25)


def test_an_alert_ends_when_nothing_joins_it_for_long_enough_and_may_fire_again() -> None:
    run = Run()
    run.take(decided(1))
    run.tick(T0 + HOUR - 1)
    assert len(run.book.firing()) == 1
    run.tick(T0 + HOUR)
    assert (run.book.firing(), run.told()[-1]) == ([], ("resolved", "c1", 1))
    run.take(decided(2, at_ms=T0 + HOUR))
    assert len(run.alerts) == 2 and run.told()[-1] == ("opened", "c1", 1)


def test_an_alert_does_not_end_while_its_risk_is_high() -> None:
    run = Run(replace(ATTACK, risk_below=0.25, risk_half_life_ms=HOUR))
    run.take(decided(1, score=1.0))
    run.tick(T0 + 2 * HOUR)
    assert len(run.book.firing()) == 1
    run.tick(T0 + 2 * HOUR + 2)
    assert run.book.firing() == []


def test_a_silence_mutes_an_alert_until_it_expires() -> None:
    run = Run()
    run.silences = [Silence("s", {"card": "c1"}, T0, T0 + 5 * MINUTE, "ana", "a known test")]
    run.take(decided(1), decided(2, "c2"))
    assert run.told() == [("opened", "c2", 1)]
    assert next(alert for alert in run.book.firing() if alert.group["card"] == "c1").muted_by == "a silence of ana: a known test"
    run.tick(T0 + 5 * MINUTE - 1)
    assert len(run.notices) == 1
    run.tick(T0 + 5 * MINUTE + 5_000)
    assert run.told()[-1] == ("opened", "c1", 1)


def test_who_was_told_of_nothing_is_not_told_of_the_end() -> None:
    run = Run()
    run.silences = [Silence("s", {"alertname": "attack"}, 0, T0 * 2, "ana", "")]
    run.take(decided(1))
    run.tick(T0 + HOUR)
    assert (run.notices, run.book.firing()) == ([], [])


def test_an_alert_is_muted_while_another_fires_that_explains_it() -> None:
    burst = replace(ATTACK, name="burst", group_by=("shop",), actions=("block",), resolve_after_ms=10 * MINUTE)
    run = Run(replace(ATTACK, actions=("review",), inhibited_by=(Inhibition("burst", ("shop",)),)), burst)
    run.take(decided(1))
    run.take(decided(2, action="review"), decided(3, "c3", action="review", entities={"card": "c3", "shop": "s2"}))
    assert [(notice.what, notice.alert.name) for notice in run.notices] == [("opened", "burst"), ("opened", "attack")]  # type: ignore[union-attr]
    run.tick(T0 + 10 * MINUTE + 5_000)
    assert [(notice.what, notice.alert.name) for notice in run.notices][2:] in (  # type: ignore[union-attr]
        [("resolved", "burst")],
        [("resolved", "burst"), ("opened", "attack")],
    )
    run.tick(T0 + 10 * MINUTE + 15_000)
    assert run.told()[-1] == ("opened", "c1", 1)


def test_a_flood_is_told_as_a_number() -> None:
    run = Run(replace(ATTACK, limit=Limit(3, HOUR)))
    run.take(*(decided(number, f"c{number}") for number in range(1_207)))
    assert (len(run.told()), len(run.book.firing())) == (3, 1_207)
    run.tick(T0 + HOUR)
    assert [notice.more for notice in run.notices if isinstance(notice, Flood)] == [1_204]
    run.tick(T0 + 3 * HOUR)
    assert [what for what, *_ in run.told()].count("resolved") == 3


def test_a_flood_is_counted_over_a_restart() -> None:
    run = Run(replace(ATTACK, limit=Limit(3, HOUR)))
    run.take(*(decided(number, f"c{number}") for number in range(10)))
    run.restart()
    run.take(*(decided(number, f"c{number}", T0 + 1) for number in range(10, 20)))
    run.tick(T0 + HOUR)
    assert ([what for what, *_ in run.told()].count("opened"), [n.more for n in run.notices if isinstance(n, Flood)]) == (3, [17])


def test_old_decisions_are_counted_and_nobody_is_told() -> None:
    run = Run()
    run.take(decided(1), now_ms=T0 + HOUR + 1)
    assert (run.book.firing()[0].is_stale, run.notices) == (True, [])
    run.take(decided(2, at_ms=T0 + HOUR))
    assert (run.book.firing()[0].is_stale, run.told()) == (False, [("opened", "c1", 2)])


def test_a_later_revision_takes_back_what_the_earlier_one_opened() -> None:
    run = Run()
    run.take(decided(1), decided(2))
    run.take(decided(1, revision=1, action="approve"))
    assert run.book.firing()[0].events == 1 and run.book.firing()[0].loss == 10.0
    run.take(decided(2, revision=1, is_retracted=True))
    assert (run.book.firing(), run.told()[-1]) == ([], ("resolved", "c1", 0))
    run.take(decided(2, revision=2))
    assert len(run.book.firing()) == 1 and len(run.alerts) == 2


def test_a_later_revision_changes_what_an_alert_counts_once() -> None:
    run = Run()
    run.take(decided(1), decided(1, revision=2, loss=70.0), decided(1, revision=1, loss=5.0))
    assert (run.book.firing()[0].events, run.book.firing()[0].loss) == (1, 70.0)


def test_receivers_are_told_what_a_later_revision_has_taken_out() -> None:
    run = Run()
    run.take(decided(1), decided(2), decided(3))
    run.take(decided(1, revision=1, action="approve", at_ms=T0 + 1))
    run.tick(T0 + 10 * MINUTE)
    assert run.told() == [("opened", "c1", 3), ("updated", "c1", 2)]
    run.take(decided(2, revision=1, loss=99.0, at_ms=T0 + 2))
    run.tick(T0 + 20 * MINUTE)
    told = run.notices[-1]
    assert isinstance(told, Notice) and (told.what, told.alert.events, told.alert.loss) == ("updated", 2, 109.0)


def test_an_event_that_joins_after_another_was_taken_out_is_told() -> None:
    run = Run()
    run.take(decided(1), decided(2))
    run.take(decided(1, revision=1, action="approve", at_ms=T0 + 1), decided(3, at_ms=T0 + 1))
    run.tick(T0 + 10 * MINUTE)
    assert run.told()[-1] == ("updated", "c1", 2)


def test_of_old_decisions_that_join_an_alert_which_fires_nobody_is_told() -> None:
    run = Run()
    run.take(decided(1))
    run.take(decided(2, at_ms=T0 - 2 * HOUR), now_ms=T0 + 1)
    run.tick(T0 + 30 * MINUTE)
    assert (run.book.firing()[0].events, run.book.firing()[0].is_stale, run.told()) == (2, False, [("opened", "c1", 1)])
    run.take(decided(3, at_ms=T0 + 31 * MINUTE))
    assert run.told()[-1] == ("updated", "c1", 3)


def test_after_a_clock_was_set_back_receivers_are_told_as_before() -> None:
    run = Run()
    run.take(decided(1))
    run.take(decided(2, at_ms=T0 - 5 * HOUR), now_ms=T0 - 5 * HOUR)
    assert run.told()[-1] == ("updated", "c1", 2)
    run.take(decided(3, at_ms=T0 - 5 * HOUR + 1))
    assert len(run.told()) == 2
    run.tick(T0 - 5 * HOUR + 10 * MINUTE)
    assert run.told()[-1] == ("updated", "c1", 3)


def test_an_alert_that_fires_for_long_is_looked_at_no_more_often_for_that() -> None:
    run = Run()
    for second in range(3_000):
        run.take(decided(second, at_ms=T0 + second * 1_000))
    assert len(run.book._looks) <= 2


@pytest.mark.parametrize("silenced", [False, True])
def test_of_a_flood_only_so_many_alerts_are_kept_and_of_the_others_the_number(silenced: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flood_gate, "UNTOLD_MAX", 50)
    run = Run(replace(ATTACK, limit=Limit(3, HOUR)))
    run.silences = [Silence("s", {"alertname": "attack"}, 0, T0 * 2, "ana", "a broken rule")] * silenced
    for number in range(100):
        run.take(*(decided(number * 100 + each, f"c{number * 100 + each}", T0 + number) for each in range(100)))
        if number == 50:
            run.restart()
    kept = len(run.book.firing())
    assert kept <= 53 + 100
    run.tick(T0 + HOUR)
    assert sum(notice.more for notice in run.notices if isinstance(notice, Flood)) == 10_000 - (kept if silenced else 3)
    run.tick(T0 + 2 * HOUR)
    assert run.book.firing() == []
    run.take(decided(99_999, "c-new", T0 + 3 * HOUR))
    assert len(run.book.firing()) == 1


def test_a_clock_that_is_set_back_neither_ends_nor_raises_anything() -> None:
    run = Run()
    run.take(decided(1))
    before = run.book.firing()[0]
    run.take(decided(2, at_ms=T0 - 5 * HOUR), now_ms=T0 - 5 * HOUR)
    run.tick(T0 - 5 * HOUR)
    after = run.book.firing()[0]
    assert (after.changed_at_ms, after.events, after.risk) == (before.changed_at_ms, 2, before.risk)


def test_an_alert_of_a_kind_that_is_no_longer_defined_ends() -> None:
    run = Run()
    run.take(decided(1))
    run.definitions = (replace(ATTACK, name="other"),)
    run.restart()
    run.tick(T0 + 1)
    assert run.told()[-1] == ("resolved", "c1", 1)


@pytest.mark.parametrize("rules", [(), (MatchedRule("a", "low"), MatchedRule("b", "critical"))])
def test_the_severity_is_the_greatest_of_its_rules(rules: tuple[MatchedRule, ...]) -> None:
    run = Run()
    run.take(decided(1, action="review", rules=rules))
    assert run.book.firing()[0].severity == ("critical" if rules else "medium")


STEPS = st.lists(
    st.tuples(st.integers(0, 90), st.sampled_from(["c1", "c2"]), st.sampled_from([0.2, 0.9]), st.booleans()), min_size=1, max_size=30
)


@settings(max_examples=examples(200), deadline=None)
@given(STEPS, st.booleans(), st.sampled_from([1.0, 0.3]))
def test_alerts_hold_the_decisions_that_a_plain_count_finds(
    steps: list[tuple[int, str, float, bool]], restarts: bool, risk_below: float
) -> None:
    """The plain count keeps for each card a list of sessions, and asks at each decision whether the last one is over."""
    run = Run(replace(ATTACK, risk_below=risk_below))
    sessions: dict[str, list[list[str]]] = defaultdict(list)
    last: dict[str, tuple[int, list[tuple[int, float]]]] = {}
    now_ms = T0
    for number, (minutes, card, score, is_counted) in enumerate(steps):
        now_ms += minutes * MINUTE
        run.tick(now_ms)
        if restarts:
            run.restart()
        run.take(decided(number, card, now_ms, "block" if is_counted else "approve", score=score))
        if not is_counted:
            continue
        changed_ms, scores = last.get(card, (0, []))
        risk = max((one * 0.5 ** ((now_ms - at_ms) / HOUR) for at_ms, one in scores), default=0.0)
        if not sessions[card] or (now_ms - changed_ms >= HOUR and risk < risk_below):
            sessions[card].append([])
            scores = []
        sessions[card][-1].append(f"k{number}")
        last[card] = (now_ms, [*scores, (now_ms, score)])
    found: dict[str, set[str]] = defaultdict(set)
    for event in run.events.values():
        found[event.alert].add(event.key)
    expected = [set(session) for of_card in sessions.values() for session in of_card]
    assert sorted(map(sorted, found.values())) == sorted(map(sorted, expected))
    assert all(run.alerts[id].events == len(keys) for id, keys in found.items())
    opened = [notice.alert.id for notice in run.notices if isinstance(notice, Notice) and notice.what == "opened"]
    assert sorted(opened) == sorted(found)
