"""What the stores of cases and inboxes keep to, in each database of `PLACES`."""

import contextlib
import threading
from collections.abc import Iterator

import msgspec
import pytest
from alerts_of_a_test import alert
from cases_of_a_test import case, case_id, counted, opened
from databases_of_a_test import PLACES

from alerts.cases.case_joining import with_entry
from alerts.cases.case_life import CaseConflictError, alert_came, alert_left, claim, close, give_verdicts, note, reopen, undo_verdict
from stores.casework.alerts import AlertEvent, AlertWork
from stores.casework.case import Case, CaseChange, CaseEntry
from stores.casework.case_growth import CaseGrowth, Standing
from stores.casework.cases import CaseFilter, Move, OpenCaseError, Reviewed, SettledVerdictError, TimelinePlace
from stores.casework.deliveries import Message
from stores.casework.inboxes import Inbox
from stores.casework.verdict_steps import VerdictStep
from stores.casework.verdicts import UNDO_MS, Verdict
from stores.relational.casework.alerts import RelationalAlerts
from stores.relational.casework.cases import RelationalCases
from stores.relational.casework.deliveries import RelationalDeliveries
from stores.relational.casework.inboxes import RelationalInboxes
from stores.relational.casework.verdict_steps import RelationalVerdictSteps
from stores.relational.casework.verdicts import RelationalVerdicts
from stores.relational.database import Database

NOW_MS = 1_700_000_000_000
HOUR = 3_600_000


@pytest.fixture(params=PLACES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with contextlib.closing(Database(PLACES[request.param](request))) as made:
        yield made


@pytest.fixture
def store(database: Database) -> RelationalCases:
    return RelationalCases(database)


def keep(store: RelationalCases, *cases: Case) -> None:
    for one in cases:
        store.open(*opened(one))


def test_the_newest_change_is_that_of_the_case_that_changed_last(store: RelationalCases) -> None:
    assert store.newest_change() is None
    keep(store, *(case(number, changed_at_ms=at_ms) for number, at_ms in ((1, 7), (2, 9), (3, 8))))
    assert store.newest_change() == (9, case_id(2))


class Joining:
    """Lets an alert of the kind ``attack`` join a case."""

    def __init__(self, one: Case, id: str, events: tuple[AlertEvent, ...], recounts: bool = False) -> None:
        self._one, self._id, self._events, self._recounts = one, id, events, recounts
        self.told: Standing | None = None

    def alerts(self) -> list[str]:
        return [self._id]

    def openings(self) -> list[tuple[str, str, str]]:
        return [(self._one.entity_kind, self._one.entity_id, self._one.typology)]

    def events(self) -> tuple[list[str], list[str]]:
        return ["attack"], [event.key for event in self._events]

    def follow(self, standing: Standing) -> CaseGrowth:
        self.told = standing
        there = next(iter(standing.open.values()), self._one)
        grown, entry = with_entry(msgspec.structs.replace(there, alerts=there.alerts + 1), NOW_MS, "alert_joined", subject=self._id)
        moved = {(event.name, event.key): there.id for event in self._events}
        return CaseGrowth([CaseChange(grown, [entry])], {self._id: there.id}, [there.id] if self._recounts else [], moved, NOW_MS)


def join(database: Database, one: Case, id: str, *events: AlertEvent, recounts: bool = True) -> Joining:
    joining = Joining(one, id, events, recounts)
    RelationalAlerts(database).write(AlertWork([alert(id)], events, (), (), cases=joining))
    return joining


def verdict(id: str, one: Case, at_ms: int = NOW_MS) -> Verdict:
    return Verdict(id, one.id, "", "", one.entity_kind, one.entity_id, "fraud", "", {}, "ana", at_ms, at_ms + UNDO_MS)


def moving(alert: str) -> Move:
    def move(source: Case, target: Case | None) -> tuple[CaseChange, CaseChange | None]:
        came = None if target is None else alert_came(target, "ana", NOW_MS, alert, source.id)
        return alert_left(source, "ana", NOW_MS, alert, target.id if target else ""), came

    return move


def undo(store: RelationalCases, id: str) -> Case | None:
    return store.undo(case(1).id, id, lambda one, undone, others: undo_verdict(one, "ana", NOW_MS + 1, undone, others))


def test_what_alerts_bring_is_written_with_them_and_counted(database: Database, store: RelationalCases) -> None:
    keep(store, case(1))
    first = join(database, case(1), "a1", counted("k1", "a1", 5), counted("k2", "a1", 6, loss=20.0, probability=0.25))
    second = join(
        database, case(1), "a2", counted("k2", "a2", 6, loss=20.0, probability=0.25, name="burst"), counted("k3", "a2", 9, loss=0.0)
    )
    assert first.told is not None and first.told.of_alerts == {} and list(first.told.open) == [("customer", "c1", "testing")]
    assert second.told is not None and list(second.told.events) == [("attack", "k2")]
    found = store.get(case(1).id)
    assert found is not None
    assert (found.alerts, found.events, found.loss, found.priority) == (2, 3, 30.0, 5.0 + 5.0 + 0.5)
    assert (found.first_event_ms, found.last_event_ms) == (5, 9)
    assert store.alerts_of(found.id, None, 10) == [(NOW_MS, "a1"), (NOW_MS, "a2")]
    assert store.alerts_of(found.id, (NOW_MS, "a1"), 10) == [(NOW_MS, "a2")]
    assert RelationalAlerts(database).cases_of(["a1", "a2", "nobody's"]) == {"a1": found.id, "a2": found.id}
    again = join(database, case(1), "a1", counted("k1", "a1", 5, revision=1))
    assert again.told is not None and again.told.of_alerts["a1"] is not None
    assert [(event.case_id, event.loss, event.worth) for event in again.told.events.values()] == [(found.id, 10.0, 5.0)]
    assert store.holds(found.id, ["k1", "k3", "k9"]) == {"k1", "k3"}


def test_events_and_timeline_come_by_pages(database: Database, store: RelationalCases) -> None:
    keep(store, case(1), case(2))
    join(database, case(1), "a1", *(counted(f"k{number}", "a1", number // 2, at_ms=number) for number in range(9)))
    whole = store.events_of(case(1).id, None, 100)
    assert [event.key for event in whole] == [f"k{number}" for number in range(9)]
    paged: list[AlertEvent] = []
    after = None
    while page := store.events_of(case(1).id, after, 2):
        paged += page
        after = (page[-1].event_time_ms, page[-1].key, page[-1].name)
    assert paged == whole
    assert [event.key for event in store.events_of(case(1).id, None, 100, until_ms=3)] == ["k0", "k1", "k2", "k3"]
    assert store.events_of(case(2).id, None, 100) == store.events_of("", None, 100) == []
    timeline = store.timeline(case(1).id, None, 100)
    assert [type(entry) for _, entry in timeline] == [CaseEntry] * 2 + [AlertEvent] * 9
    found: list[tuple[TimelinePlace, CaseEntry | AlertEvent]] = []
    before = None
    while part := store.timeline(case(1).id, before, 3):
        found += part
        before = part[-1][0]
    assert found == timeline


def test_an_entry_of_the_time_of_an_event_is_passed_over_by_no_page(database: Database, store: RelationalCases) -> None:
    keep(store, case(1, NOW_MS))
    join(database, case(1), "a1", *(counted(f"k{number}", "a1", NOW_MS) for number in range(3)))
    store.change(case(1).id, lambda one: note(one, "ana", NOW_MS, "a note"))
    whole = store.timeline(case(1).id, None, 100)
    for limit in (1, 2, 4):
        found: list[tuple[TimelinePlace, CaseEntry | AlertEvent]] = []
        before = None
        while part := store.timeline(case(1).id, before, limit):
            found += part
            before = part[-1][0]
        assert found == whole and len(whole) == 6


def test_one_case_of_a_typology_about_an_entity_is_open(store: RelationalCases) -> None:
    keep(store, case(1))
    with pytest.raises(OpenCaseError, match=case(1).id):
        store.open(*opened(case(2, entity_id="c1")))
    store.change(case(1).id, lambda one: close(one, "ana", NOW_MS, "a test"))
    keep(store, case(2, entity_id="c1"), case(3, entity_id="c1", typology="takeover"))
    with pytest.raises(OpenCaseError):
        store.change(case(1).id, lambda one: reopen(one, "ana", NOW_MS, ""))
    assert [one.id for one in store.page(CaseFilter(now_ms=NOW_MS, states=("open",)), None, 9)] == [case(2).id, case(3).id]


def test_of_analysts_who_claim_at_once_one_gets_the_case(store: RelationalCases) -> None:
    keep(store, case(1))
    together, got = threading.Barrier(8), []

    def take(name: str) -> None:
        together.wait(30)
        with contextlib.suppress(CaseConflictError):
            found = store.change(case(1).id, lambda one: claim(one, name, NOW_MS, HOUR))
            got.append(found.holder if found else "")

    threads = [threading.Thread(target=take, args=(f"n{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = store.get(case(1).id)
    assert found is not None and got == [found.holder]


def test_verdicts_are_given_and_undone_with_their_case(database: Database, store: RelationalCases) -> None:
    keep(store, case(1))
    verdicts, given = RelationalVerdicts(database), verdict("v1", case(1))
    closed = store.change(case(1).id, lambda one: give_verdicts(one, "ana", NOW_MS, HOUR, [given], True, ""))
    assert closed is not None and (closed.state, verdicts.verdicts_of(case(1).id)) == ("closed", [given])
    back = undo(store, "v1")
    assert back is not None and (back.state, back.verdict, back.decided_at_ms) == ("open", "", None)
    assert (undo(store, "v1"), undo(store, "v9"), store.get(case(1).id)) == (None, None, back)


def test_a_verdict_is_undone_beside_those_that_stand_when_it_is(database: Database, store: RelationalCases) -> None:
    keep(store, case(1))
    for number, word in enumerate(("fraud", "legitimate", "unsure")):
        given = msgspec.structs.replace(verdict(f"v{number}", case(1), NOW_MS + number), verdict=word)
        store.change(case(1).id, lambda one, given=given: give_verdicts(one, "ana", NOW_MS, HOUR, [given], False, ""))  # type: ignore[misc]
    left = [undo(store, id) for id in ("v1", "v2")]
    assert [(one.verdict, one.decided_at_ms) for one in left if one] == [("unsure", NOW_MS), ("fraud", NOW_MS)]
    RelationalVerdicts(database).make_final("v0", NOW_MS)
    with pytest.raises(SettledVerdictError):
        undo(store, "v0")
    assert store.get(case(1).id) == left[-1]


def test_a_change_that_is_refused_leaves_the_case_as_it_is(store: RelationalCases) -> None:
    keep(store, case(1))
    before = store.get(case(1).id)

    def refuse(one: Case) -> CaseChange:
        raise CaseConflictError("no")

    with pytest.raises(CaseConflictError):
        store.change(case(1).id, refuse)
    assert store.get(case(1).id) == before
    assert store.change(case(9).id, refuse) is None


def test_the_alerts_of_a_closed_case_are_named_until_they_are_ended(database: Database, store: RelationalCases) -> None:
    keep(store, case(1))
    join(database, case(1), "a1", counted("k1", "a1"))
    store.change(case(1).id, lambda one: close(one, "ana", NOW_MS, "a test"))
    alerts = RelationalAlerts(database)
    assert alerts.ended(10) == {"a1": "its case was closed by ana"}
    alerts.write(AlertWork((), (), (), (), ended=["a1"]))
    assert alerts.ended(10) == {}


def test_an_alert_moves_with_its_events(database: Database, store: RelationalCases) -> None:
    keep(store, case(1), case(2))
    join(database, case(1), "a1", counted("k1", "a1", 5), counted("k2", "a1", 6))
    join(database, case(1), "a2", counted("k3", "a2", 7))
    move = moving("a1")
    assert store.move_alert("a1", case(1).id, case(2).id, move, NOW_MS)
    left, joined = store.get(case(1).id), store.get(case(2).id)
    assert left is not None and (left.alerts, left.events, left.loss, left.first_event_ms) == (1, 1, 10.0, 7)
    assert joined is not None and (joined.alerts, joined.events, joined.priority) == (1, 2, 10.0)
    assert not store.move_alert("a1", case(1).id, case(2).id, move, NOW_MS)
    assert not store.move_alert("a1", case(2).id, case(9).id, move, NOW_MS)
    assert store.move_alert("a1", case(2).id, "", move, NOW_MS)
    assert store.events_of(case(2).id, None, 10) == []
    detached = join(database, case(2), "a1", counted("k4", "a1"), recounts=False)
    assert detached.told is not None and detached.told.of_alerts == {"a1": None}


def test_the_queue_comes_by_pages_and_filters(store: RelationalCases) -> None:
    keep(store, *(case(number, priority=float(number // 2), inbox="logins" if number == 3 else "payments") for number in range(6)))
    store.change(case(0).id, lambda one: claim(one, "ana", NOW_MS, HOUR))

    def numbers(after: tuple[float, str] | None = None, limit: int = 9, **how: object) -> list[str]:
        return [one.entity_id for one in store.page(CaseFilter(now_ms=NOW_MS, **how), after, limit)]  # type: ignore[arg-type]

    assert numbers() == ["c4", "c5", "c2", "c3", "c0", "c1"]
    assert numbers((2.0, case(4).id), 2) == ["c5", "c2"]
    assert (numbers(hidden=["logins"], states=["open"]), numbers(inboxes=["logins"]), numbers(holder="ana")) == (
        ["c4", "c5", "c2", "c1"], ["c3"], ["c0"]
    )  # fmt: skip
    assert (numbers(entity=("customer", "c2")), numbers(typologies=["x"]), numbers(assigned_to="ana")) == (["c2"], [], ["c0"])
    assert ([(load.inbox, load.open, load.unclaimed) for load in store.loads(NOW_MS)]) == [("logins", 1, 1), ("payments", 5, 4)]
    assert (store.priority_at("payments", 0), store.priority_at("payments", 4), store.priority_at("payments", 5)) == (2.0, 0.0, None)


def test_decided_cases_are_found_with_their_rules_and_models(database: Database, store: RelationalCases) -> None:
    keep(store, case(1), case(2))
    join(database, case(1), "a1", counted("k1", "a1", probability=0.5), counted("k2", "a1"), counted("k3", "a1", model=""))
    join(database, case(1), "a2", counted("k4", "a2", probability=0.25))
    store.change(case(1).id, lambda one: give_verdicts(one, "ana", NOW_MS, HOUR, [verdict("v1", one)], True, ""))
    [found] = store.decided(NOW_MS, NOW_MS + 1, ["payments"], 5)
    assert (found.verdict, found.decided_at_ms, found.claimed_at_ms) == ("fraud", NOW_MS, NOW_MS)
    assert store.decided(NOW_MS + 1, NOW_MS + 2, ["payments"], 5) == store.decided(NOW_MS, NOW_MS + 1, ["logins"], 5) == []
    assert store.reviewed(NOW_MS + 1, NOW_MS + 2, ["payments"], 5) == store.reviewed(NOW_MS, NOW_MS + 1, ["logins"], 5) == []
    found = store.reviewed(NOW_MS, NOW_MS + 1, ["payments"], 5)
    assert found == [Reviewed("model", "shape", "fraud", 2, 3, 2, 0.75), Reviewed("rule", "a", "fraud", 2)]
    assert (store.decided_since(NOW_MS), store.decided_since(NOW_MS + 1)) == ({"payments": 1}, {})


def test_a_verdict_says_of_rules_what_was_in_the_case_then_until_it_is_undone(database: Database, store: RelationalCases) -> None:
    def alerts(of: str) -> list[tuple[str, int]]:
        return [(one.verdict, one.alerts) for one in store.reviewed(NOW_MS, NOW_MS + 1, ["payments"], 5) if one.kind == of]

    keep(store, case(1), case(2))
    join(database, case(1), "a1", counted("k1", "a1"))
    for number in (1, 2):
        store.change(case(number).id, lambda one: give_verdicts(one, "ana", NOW_MS, HOUR, [verdict(f"v{one.entity_id}", one)], False, ""))
    join(database, case(1), "a2", counted("k2", "a2"))
    assert (alerts("rule"), alerts("model")) == ([("fraud", 1)], [("fraud", 1)])
    assert store.move_alert("a2", case(1).id, case(2).id, moving("a2"), NOW_MS)
    assert (alerts("rule"), alerts("model")) == ([("fraud", 2)], [("fraud", 2)])
    assert undo(store, "vc1") is not None
    assert (alerts("rule"), alerts("model")) == ([("fraud", 1)], [("fraud", 1)])


def test_closed_cases_are_forgotten_with_what_was_said_of_them_and_then_their_alerts(database: Database, store: RelationalCases) -> None:
    keep(store, case(1), case(2, entities=(("customer", "c1"),)))
    alerts = RelationalAlerts(database)
    join(database, case(1), "a1", counted("k1", "a1"))
    alerts.write(AlertWork([alert("a1", state="resolved", resolved_at_ms=5)], (), (), ()))
    assert alerts.forget(10, 10) == 0
    store.change(case(1).id, lambda one: give_verdicts(one, "ana", NOW_MS, HOUR, [verdict("v1", one)], True, ""))
    steps = RelationalVerdictSteps(database)
    steps.plan("v1", [VerdictStep("s1", "v1", 0, "list", "", {}, NOW_MS, "done")], ())
    assert [(other.id, shared) for other, shared in store.linked(case(2).id, 5)] == [(case(1).id, 1)]
    assert (store.forget(NOW_MS, 10), store.forget(NOW_MS + 1, 10), store.forget(NOW_MS + 1, 10)) == (0, 1, 0)
    assert (store.get(case(1).id), store.timeline(case(1).id, None, 5), store.linked(case(2).id, 5)) == (None, [], [])
    assert (RelationalVerdicts(database).verdicts_of(case(1).id), steps.of_verdict("v1"), alerts.forget(10, 10)) == ([], [], 1)
    assert steps.plan("v1", (), ()), "the plan of a verdict outlives it"


def test_an_inbox_is_changed_once_a_version(database: Database) -> None:
    store = RelationalInboxes(database)
    first = Inbox("payments", ("analyst",), ("ana",), 1, "root", NOW_MS)
    assert (store.put(first), store.put(first), list(store.all())) == (True, False, [first])
    second = msgspec.structs.replace(first, members=(), version=2)
    assert (store.put(second), store.put(second), list(store.all())) == (True, False, [second])
    assert (store.remove("payments"), store.remove("payments"), list(store.all())) == (True, False, [])


def test_what_happened_to_a_case_is_news_until_it_was_told(store: RelationalCases, database: Database) -> None:
    keep(store, case(1), case(2))
    store.change(case_id(1), lambda one: claim(one, "ana", 2_000, HOUR))
    store.change(case_id(1), lambda one: note(one, "ana", 3_000, "a 'text' 🙂"))
    news = store.news(10)
    assert [(each.case.id, each.entry.what, each.entry.by) for each in news] == [
        (case_id(1), "opened", ""),
        (case_id(1), "claimed", "ana"),
        (case_id(1), "note", "ana"),
        (case_id(2), "opened", ""),
    ]
    assert {each.case.holder for each in news[:3]} == {"ana"}
    assert store.news(2) == news[:2]
    message = Message("msg_1", "case.opened", case_id(1), 1_000, b"{}", b"{}")
    for _ in range(2):  # a process that was killed before it knew that it had told them tells them again
        store.tell(news[:3], [(message, ["w"])])
    assert store.news(10) == news[3:]
    assert [delivery.message.id for delivery in RelationalDeliveries(database).page("w", (), None, 10)] == ["msg_1"]


def test_a_case_that_is_forgotten_is_no_news(store: RelationalCases) -> None:
    keep(store, case(1))
    store.change(case_id(1), lambda one: close(one, "ana", 2_000, "nothing"))
    store.forget(3_000, 10)
    assert store.news(10) == []
