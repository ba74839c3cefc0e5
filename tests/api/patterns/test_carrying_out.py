"""A process of the API makes the entries that matches want, and ends rules that exceeded their budgets."""

import msgspec
import pytest
from api_imitation import TEXTS, Api

from api.patterns.carrying_out import CarryingOut
from foundation.content_hash import content_hash
from patterns.entries import Entry
from patterns.language.pattern import Budget
from stores.effects import CountedMatch, WantedEntry, Work
from stores.offsets import Progress
from stores.relational.effects import RelationalEffects

DAY_MS = 86_400_000
NOW_MS = 1_700_000_000_000
RULE = "title: A great amount\nowner: team\nwhen: event.amount > 100.0\nthen: {action: block}\nstatus: shadow\n"
VERSION = content_hash(RULE)[:12]


class Office:
    """The store of effects, and what carries them out."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.store = RelationalEffects(api.database)
        self.carrying_out = self.process("api-1")
        self._read = 0

    def process(self, name: str) -> CarryingOut:
        api = self.api
        return CarryingOut(self.store, api.entries, api.definitions, api.in_force, api.access.audit, name, api.clock)

    def note(self, **what: object) -> None:
        work = Work(Progress({"decisions/0": self._read} if self._read else {}, {"decisions/0": self._read + 1}), newest_ms=NOW_MS)
        self._read += 1
        for name, value in what.items():
            setattr(work, name, value)
        self.store.apply(work, NOW_MS + self._read)

    async def want(self, *entries: WantedEntry, **what: object) -> None:
        self.note(entries=list(entries), **what)
        await self.carrying_out.make_entries()

    def listed(self, value: str = "d1") -> Entry | None:
        return self.api.entries.lists.get("watched").get(value)


def wanted(id: str, days: int | None = 7, event: str = "e1", value: str = "d1", revision: int = 0) -> WantedEntry:
    expires = None if days is None else NOW_MS + days * DAY_MS
    return WantedEntry(id, event, revision, "watched", value, expires, "why", "great", VERSION, NOW_MS)


@pytest.fixture
async def office(api: Api) -> Office:
    api.in_force.release, api.in_force.texts = None, {}
    (await api.client.post("/v1/releases", json=TEXTS | {"list:watched": ""})).raise_for_status()
    api.event_time_ms = NOW_MS
    return Office(api)


async def test_a_wanted_entry_is_made_once_and_says_by_which_rule_and_why(office: Office) -> None:
    await office.want(wanted("i1"))
    made = office.listed()
    assert made == Entry("watched", "d1", NOW_MS + 7 * DAY_MS, "why", f"rule great {VERSION}", "rule", "i1")
    version = office.api.entries.lists.get("watched").version
    await office.want(wanted("i1"))
    assert office.api.entries.lists.get("watched").version == version
    assert office.store.entry_states(["great"]) == {"great": {"made": 1}}


async def test_an_entry_that_was_written_by_a_process_that_was_killed_before_it_noted_that_is_not_written_again(office: Office) -> None:
    office.note(entries=[wanted("i1")])
    held = office.store.entries_done
    office.store.entries_done = _killed  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await office.carrying_out.make_entries()
    office.store.entries_done = held  # type: ignore[method-assign]
    version = office.api.entries.lists.get("watched").version
    await office.process("api-2").make_entries()
    assert office.api.entries.lists.get("watched").version == version
    assert office.store.entry_states(["great"]) == {"great": {"made": 1}}


def _killed(states: object) -> None:
    raise KeyboardInterrupt


async def test_a_match_shortens_no_entry_and_prolongs_one_that_ends_sooner(office: Office) -> None:
    await office.want(wanted("i1", 7), wanted("i2", 1, "e2"))
    assert office.listed().id == "i1"
    await office.want(wanted("i3", 9, "e3"))
    assert office.listed().id == "i3"
    (await office.api.client.post("/v1/lists/watched:edit", json={"add": [{"value": "d9"}]})).raise_for_status()
    await office.want(wanted("i4", 9, "e4", "d9"))
    assert (office.listed("d9").expires, office.listed("d9").source) == (None, "api")
    assert office.store.entry_states(["great"]) == {"great": {"made": 2, "covered": 2}}


async def test_an_entry_that_has_expired_does_not_stand_in_the_way(office: Office) -> None:
    await office.want(wanted("i1", 7))
    office.api.event_time_ms = NOW_MS + 7 * DAY_MS
    await office.want(wanted("i2", 8, "e2"))
    assert office.listed().id == "i2"


async def test_what_a_corrected_event_wants_no_longer_is_taken_back_and_the_next_wish_takes_its_place(office: Office) -> None:
    await office.want(wanted("i1", 7), wanted("i2", 3, "e2"), wanted("i3", 7, "e1", "d3"))
    await office.want(revised=[("e1", 1)])
    assert (office.listed().id, office.listed("d3")) == ("i2", None)
    await office.want(revised=[("e2", 1)])
    assert office.listed() is None
    assert office.store.entry_states(["great"]) == {"great": {"withdrawn": 3}}


async def test_what_a_person_has_changed_since_is_not_taken_back(office: Office) -> None:
    await office.want(wanted("i1", 7))
    (await office.api.client.post("/v1/lists/watched:edit", json={"add": [{"value": "d1"}]})).raise_for_status()
    await office.want(revised=[("e1", 1)])
    assert office.listed().source == "api"


async def test_an_entry_for_a_list_that_is_gone_is_refused_and_holds_up_no_other(office: Office) -> None:
    lost = msgspec.structs.replace(wanted("i1"), list="gone")
    await office.want(lost, wanted("i2"))
    assert office.listed().id == "i2"
    assert office.store.entry_states(["great"]) == {"great": {"made": 1, "refused": 1}}


def exceed(office: Office, then: str = "shadow", version: str = VERSION, release: int = 1) -> None:
    budget = Budget(1, 3_600_000, then)
    of_rule = ("great", version, release, False, "block", "block", True, True, NOW_MS, NOW_MS, -1, budget)
    office.note(matches=[CountedMatch(f"{version}{number}", "u", str(number), 0, *of_rule) for number in range(2)])


async def status(office: Office) -> str:
    found = (await office.api.client.get("/v1/patterns")).json()["patterns"]
    return str(found[0]["status"])


@pytest.mark.parametrize("then", ["shadow", "paused"])
async def test_a_rule_that_exceeded_its_budget_is_moved_by_a_release_of_its_own_and_the_audit_log_says_so(
    office: Office, then: str
) -> None:
    client = office.api.client
    (await client.put("/v1/patterns/great", content=RULE)).raise_for_status()
    before = (await client.post("/v1/patterns/great:activate")).json()["release"]
    exceed(office, then)
    await office.carrying_out.end_rules()
    assert await status(office) == then
    stored = office.api.registry.get(before + 1)
    assert stored is not None
    assert stored.by == "budget"
    outcome, intent = [entry for entry in (await client.get("/v1/audit")).json()["entries"] if entry["by"] == "budget"]
    assert (intent["phase"], outcome["phase"], outcome["of"]) == ("intent", "outcome", intent["number"])
    assert f"active to {then}" in outcome["subject"]
    await office.carrying_out.end_rules()
    assert [trip.done_release for trip in office.store.trips(["great"], 9)["great"]] == [before + 1]
    assert (await client.post("/v1/patterns/great:activate")).status_code == 200, "a person may let it act again"


async def test_a_rule_that_was_changed_or_stopped_meanwhile_is_left_as_it_is(office: Office) -> None:
    client = office.api.client
    (await client.put("/v1/patterns/great", content=RULE)).raise_for_status()
    exceed(office)
    await office.carrying_out.end_rules()
    (await client.post("/v1/patterns/great:activate")).raise_for_status()
    exceed(office, version="another", release=99)
    await office.carrying_out.end_rules()
    assert await status(office) == "active"
    outcomes = sorted(trip.outcome for trip in office.store.trips(["great"], 9)["great"])
    assert outcomes == ["the rule great acts no longer", "the rule great has another text now"]
