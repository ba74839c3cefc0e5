"""Verdicts are carried out once, whatever is killed between, and taken back by their inverse."""

import asyncio
import dataclasses

import msgspec
import pytest
from api_imitation import NOW_MS, TEXTS, Api

from alerts.verdicts.verdict_effects import FactEffect, LabelEffect, ListEffect, SilenceEffect, VerdictEffects
from alerts.webhooks.tenure import WATCH_S, Tenure
from api.verdicts.carrying_out import CarryingOutVerdicts
from api.verdicts.step_doing import StepDoing, StepStores
from patterns.entries import Entry
from pipeline.engine.fact_record import read_fact
from stores.casework.alerts import AlertEvent
from stores.casework.holds import Hold, HoldChange
from stores.casework.verdicts import UNDO_MS, Verdict
from stores.casework.webhooks import StoredWebhook, WebhookWish
from stores.effects import effect_id
from stores.relational.casework.deliveries import RelationalDeliveries
from stores.relational.casework.verdict_steps import RelationalVerdictSteps
from stores.relational.casework.verdicts import RelationalVerdicts, add_verdicts, undo_verdict
from stores.relational.leases import RelationalLeases

DAY_MS = 86_400_000
FRAUD = VerdictEffects(
    LabelEffect("analyst", 2.0),
    (ListEffect("terminal", "watched", DAY_MS),),
    (FactEffect("terminal", "verdict", "fraud", DAY_MS),),
    (SilenceEffect("customer", DAY_MS),),
    "decline",
)
KEY = effect_id("c1", "e1")


class Cases:
    """The events of one case."""

    def __init__(self) -> None:
        self.events = [AlertEvent("a", effect_id("c1", f"e{number}"), 0, "x", 1.0, "c1", f"e{number}", number) for number in range(1, 4)]

    def events_of(self, id: str, after: tuple[int, str, str] | None, limit: int, until_ms: int | None = None) -> list[AlertEvent]:
        found = [event for event in self.events if after is None or (event.event_time_ms, event.key, event.name) > after]
        return found[:limit]


class Office:
    """Carries out what a test gives."""

    def __init__(self, api: Api, effects: VerdictEffects) -> None:
        self.api = api
        self.effects = effects
        self.steps = RelationalVerdictSteps(api.database)
        self.verdicts = RelationalVerdicts(api.database)
        self.at_work = self.process("one")

    def process(self, name: str) -> CarryingOutVerdicts:
        api = self.api
        stores = StepStores(self.steps, Cases(), api.holds, api.webhooks.stored, api.alerts)
        topics = {"labels": "weir.labels", "facts": "weir.facts"}
        doing = StepDoing(stores, api.log, topics, api.entries, api.facts, api.in_force, api.clock)
        tenure = Tenure(RelationalLeases(api.database), "verdicts", name)
        return CarryingOutVerdicts(
            self.verdicts, self.steps, doing, lambda verdict: [("customer", "c1"), ("terminal", "t1")], api.webhooks.stored,
            lambda: {"fraud": self.effects}, api.access.audit, tenure, api.clock,
        )  # fmt: skip

    def give(self, id: str = "v1", event_id: str = "e1") -> Verdict:
        user = "c1" if event_id else ""
        at_ms = self.api.now_ms
        verdict = Verdict(id, "case", user, event_id, "customer", "c1", "fraud", "stolen", {}, "ana", at_ms, at_ms + UNDO_MS)
        with self.api.database.writing() as connection:
            add_verdicts(connection, [verdict])
        return verdict

    def undo(self, id: str = "v1") -> None:
        self.api.now_ms += 1_000
        with self.api.database.writing() as connection:
            assert undo_verdict(connection, id, self.api.now_ms)

    def listed(self) -> Entry | None:
        return self.api.entries.lists.get("watched").get("t1")

    def fact(self) -> object:
        return next((one.value for one in self.api.facts.of("terminal", "t1")), None)

    def hold(self) -> Hold:
        return self.api.holds.page((), None, None, 1)[0]

    def states(self, id: str = "v1") -> dict[str, str]:
        return {step.what: step.state for step in self.steps.of_verdict(id)}

    def labels(self) -> list[dict[str, object]]:
        return [msgspec.json.decode(value) for _, value in self.api.log.of("labels") if value is not None]


@pytest.fixture
async def office(api: Api) -> Office:
    api.in_force.release, api.in_force.texts = None, {}
    (await api.client.post("/v1/releases", json=TEXTS | {"list:watched": ""})).raise_for_status()
    api.event_time_ms = NOW_MS
    wish = WebhookWish(url="https://x.org/", types=("payment.*", "verdict.*"))
    api.webhooks.stored.add(StoredWebhook(id="w", wish=wish, keys=(), version=1, by="ana", made_at_ms=0, changed_at_ms=0))
    api.holds.change([HoldChange(Hold("h" * 32, KEY, "c1", "e1", 0, NOW_MS, "review", NOW_MS, NOW_MS + DAY_MS, "decline"))])
    return Office(api, FRAUD)


def told(office: Office) -> list[str]:
    return [one.message.type for one in reversed(RelationalDeliveries(office.api.database).page("w", (), None, 100))]


async def test_a_verdict_acts_at_once_and_its_label_leaves_after_the_minute(office: Office) -> None:
    office.give()
    await office.at_work.work()
    entry = office.listed()
    assert entry is not None
    assert (entry.source, entry.by, entry.expires) == ("verdict", "ana", NOW_MS + DAY_MS)
    assert (office.fact(), office.hold().state, office.labels()) == ("fraud", "declined", [])
    assert [one.matchers for one in office.api.alerts.silences(NOW_MS)] == [{"customer": "c1"}]
    assert office.states() == {"hold": "done", "list": "done", "fact": "done", "silence": "done", "label": "wanted"}
    office.api.now_ms += UNDO_MS
    await office.at_work.work()
    own = {"event_id": "e1", "label": 1, "label_time": NOW_MS, "user": "c1", "by": "ana", "source": "analyst", "weight": 2.0}
    assert office.labels() == [own]
    verdict = office.verdicts.get("v1")
    assert verdict is not None
    assert (verdict.carried_out_ms, told(office)) == (office.api.now_ms, ["verdict.given", "payment.decline"])
    await office.at_work.work()
    assert len(office.labels()) == 1


async def test_a_verdict_that_is_undone_leaves_nothing_behind(office: Office) -> None:
    office.give()
    await office.at_work.work()
    office.undo()
    await office.at_work.work()
    assert (office.listed(), office.fact(), office.hold().state) == (None, None, "held")
    assert office.api.alerts.silences(office.api.now_ms) == []
    assert set(office.states().values()) == {"undone"}
    office.api.now_ms += UNDO_MS
    await office.at_work.work()
    assert office.labels() == []
    assert told(office) == ["verdict.given", "payment.decline", "payment.hold", "verdict.undone"]


async def test_a_verdict_that_is_undone_while_its_label_is_about_to_leave_gives_none(office: Office) -> None:
    office.give()
    await office.at_work.work()
    office.api.now_ms += UNDO_MS
    get = office.verdicts.get

    def undone_meanwhile(id: str) -> Verdict | None:
        found = get(id)
        if found is not None and found.undone_ms is None:
            office.undo()  # by a process whose clock is behind, or whose transaction has waited
        return found

    office.verdicts.get = undone_meanwhile  # type: ignore[method-assign]
    await office.at_work.work()
    assert office.labels() == []
    await office.at_work.work()
    assert (office.hold().state, set(office.states().values())) == ("held", {"undone"})


async def test_what_was_there_before_is_back_after_a_verdict_is_undone(office: Office) -> None:
    await office.api.client.put("/v1/entities/terminal/t1/facts/verdict", json={"value": "good"})
    edit = {"add": [{"value": "t1", "expires": NOW_MS + 5_000, "reason": "before"}]}
    (await office.api.client.post("/v1/lists/watched:edit", json=edit)).raise_for_status()
    office.api.now_ms += 1
    office.give()
    await office.at_work.work()
    assert office.fact() == "fraud"
    office.undo()
    await office.at_work.work()
    entry = office.listed()
    assert entry is not None
    assert (entry.reason, office.fact()) == ("before", "good")


async def test_an_entry_that_holds_longer_is_left_alone(office: Office) -> None:
    (await office.api.client.post("/v1/lists/watched:edit", json={"add": ["t1"], "reason": "for ever"})).raise_for_status()
    office.give()
    await office.at_work.work()
    office.undo()
    await office.at_work.work()
    entry = office.listed()
    assert entry is not None
    assert (entry.reason, entry.expires) == ("for ever", None)


async def test_a_process_that_is_killed_after_any_step_loses_and_doubles_nothing(office: Office) -> None:
    """What is done and was not noted is done again by the next process."""
    office.give()
    original = office.steps.move
    kills = 0

    def killed(*given: object) -> bool:
        nonlocal kills
        kills += 1
        raise KeyboardInterrupt

    for _ in range(4):
        office.steps.move = killed  # type: ignore[method-assign, assignment]
        with pytest.raises(KeyboardInterrupt):
            await office.at_work.work()
        office.steps.move = original  # type: ignore[method-assign]
        await office.at_work.do()
        for step in office.steps.of_verdict("v1"):
            if step.what != "label":
                office.steps.move(step.id, ["done"], msgspec.structs.replace(step, state="wanted"))
    await office.at_work.work()
    assert kills == 4
    assert (office.hold().version, told(office)) == (2, ["verdict.given", "payment.decline"])
    office.undo()
    await office.at_work.work()
    assert (office.listed(), office.fact(), office.hold().state) == (None, None, "held")


async def test_labels_of_a_whole_case_are_given_to_each_of_its_events(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.verdicts.step_doing.EVENTS_AT_ONCE", 2)
    office.give(event_id="")
    office.api.now_ms += UNDO_MS
    await office.at_work.work()
    assert [label["event_id"] for label in office.labels()] == ["e1", "e2", "e3"]
    assert office.hold().state == "declined"


async def test_what_needs_two_people_waits_for_the_second(office: Office) -> None:
    office.effects = dataclasses.replace(office.effects, four_eyes=("hold",))
    office.give()
    await office.at_work.work()
    assert (office.states()["hold"], office.states()["list"], office.hold().state) == ("waiting", "done", "held")
    office.api.now_ms += UNDO_MS
    await office.at_work.work()
    verdict = office.verdicts.get("v1")
    assert verdict is not None
    assert (verdict.carried_out_ms is not None, office.hold().state) == (True, "held")


async def test_a_step_that_can_never_be_done_has_failed_and_stops_no_other(office: Office) -> None:
    office.effects = dataclasses.replace(office.effects, lists=(ListEffect("terminal", "gone", None),))
    office.give()
    await office.at_work.work()
    assert (office.states()["list"], office.states()["fact"]) == ("failed", "done")
    subjects = [entry.fact().subject for entry in office.api.access.audit.page(None, 20)]
    assert any(subject.startswith("list: terminal t1 on gone") for subject in subjects)


async def test_while_another_process_holds_the_lease_this_one_does_nothing(office: Office) -> None:
    other = Tenure(RelationalLeases(office.api.database), "verdicts", "two")
    other.step()
    office.give()
    assert not await office.at_work.work()
    assert office.states() == {}
    other.give_up()
    await asyncio.sleep(WATCH_S)
    await office.at_work.work()
    assert office.states()["list"] == "done"


async def test_facts_are_told_with_the_time_of_the_verdict(office: Office) -> None:
    office.give()
    await office.at_work.work()
    [(_, value)] = office.api.log.of("facts")
    assert value is not None
    fact = read_fact(value)
    assert (fact.since, fact.written, fact.expires, fact.by) == (NOW_MS, NOW_MS, NOW_MS + DAY_MS, "ana")
