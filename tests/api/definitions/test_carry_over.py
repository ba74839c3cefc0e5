"""Entries that releases of an older version held: carried over once, whoever starts when, and never over a newer edit."""

import asyncio

import msgspec
import pytest
from api_imitation import TEXTS, Api
from entry_topic_in_memory import MemoryEntryTopic, StoredEntries

from api.definitions.carry_over import BY, CarryOver
from api.lists.entries import Entries
from foundation.content_hash import content_hash
from patterns.entries import CARRIED_OVER, Change, Entry
from patterns.lists import DECLARATION
from pipeline.control.known_releases import DEFINITION, ReleaseRecord, release_key
from pipeline.engine.definitions.release import compile_release

OLD = TEXTS | {"list:blocked": "# stolen\na\nb\nc\n", "list:allowed": "d\n"}


class Process:
    """An API process on the topic of entries `stored`, by itself."""

    def __init__(self, api: Api, stored: StoredEntries) -> None:
        self.stored = stored
        self.entries = Entries(MemoryEntryTopic(stored), lambda: 0)
        stored.follow(self.entries)
        self.carry_over = CarryOver(self.entries, api.in_force, api.definitions)

    def values(self, name: str) -> list[tuple[str, str]]:
        return [(entry.value, entry.source) for entry in self.entries.lists.get(name).after()]

    def kill(self) -> None:
        self.stored.followers.remove(self.entries)


@pytest.fixture
def stored() -> StoredEntries:
    return StoredEntries()


@pytest.fixture
async def old(api: Api) -> Api:
    """The release in force came by the control topic, as an older version wrote it."""
    api.in_force.release = None
    parts = {part: content_hash(text) for part, text in OLD.items()}
    records = [(DEFINITION + parts[part], text.encode()) for part, text in OLD.items()]
    await api.definitions.following.take([*records, (release_key(1), msgspec.json.encode(ReleaseRecord(1, parts)))])
    assert api.in_force.texts == OLD
    return api


async def test_entries_of_the_release_in_force_are_carried_over_once_and_leave_it(old: Api, stored: StoredEntries) -> None:
    one = Process(old, stored)
    await one.carry_over.run()
    assert one.values("blocked") == [("a", "release"), ("b", "release"), ("c", "release")]
    assert one.values("allowed") == [("d", "release")]
    assert stored.records[-1][1] == CARRIED_OVER
    assert old.in_force.texts == TEXTS | {"list:blocked": DECLARATION, "list:allowed": DECLARATION}
    assert (old.in_force.release.id, old.registry.get(2).by) == (2, BY)
    written = stored.end
    again = Process(old, stored)
    await again.carry_over.run()
    assert (stored.end, old.in_force.release.id, again.entries.is_open) == (written, 2, True)


async def test_a_second_process_that_starts_at_the_same_time_writes_nothing(old: Api, stored: StoredEntries) -> None:
    processes = [Process(old, stored) for _ in range(3)]
    async with asyncio.timeout(30):
        await asyncio.gather(*(each.carry_over.run() for each in processes))
    assert [key for _, key, _ in stored.records].count(CARRIED_OVER) == 1
    assert stored.end == 5


async def test_an_entry_that_an_analyst_took_off_is_not_carried_over_by_a_process_that_was_slower(old: Api, stored: StoredEntries) -> None:
    slow, quick = Process(old, stored), Process(old, stored)
    await slow.entries.topic.begin_alone()  # has read the topic, and is about to write
    await quick.carry_over.run()
    await quick.entries.change("blocked", lambda found: iter([Change("blocked", "a", None)]))
    with pytest.raises(Exception, match="another process began since"):
        await slow.entries.topic.commit_alone([Change("blocked", "a", Entry("blocked", "a")).record()])
    await slow.carry_over.run()
    assert slow.values("blocked") == [("b", "release"), ("c", "release")]


async def test_nobody_changes_a_list_before_its_entries_are_carried_over(old: Api, stored: StoredEntries) -> None:
    one = Process(old, stored)
    change = asyncio.create_task(one.entries.change("blocked", lambda found: iter([Change("blocked", "a", None)])))
    await asyncio.sleep(0.02)
    assert (change.done(), stored.end) == (False, 0)
    await one.carry_over.run()
    assert (await change).version == stored.end
    assert one.values("blocked") == [("b", "release"), ("c", "release")]


async def test_a_crash_half_way_leaves_nothing_and_the_next_start_does_it(old: Api, stored: StoredEntries) -> None:
    killed = Process(old, stored)
    await killed.entries.topic.begin_alone()
    killed.kill()
    later = Process(old, stored)
    await later.carry_over.run()
    assert (len(later.values("blocked")), stored.end) == (3, 5)


async def test_what_a_start_of_the_stack_wrote_before_it_was_killed_is_not_written_twice(old: Api, stored: StoredEntries) -> None:
    stored.append([Change("blocked", "a", Entry("blocked", "a", source="release", id="carry-over:1")).record()])
    one = Process(old, stored)
    await one.carry_over.run()
    assert [key for _, key, _ in stored.records].count('["blocked","a"]') == 1
    assert len(one.values("blocked")) == 3


async def test_without_a_release_lists_wait_and_a_new_system_carries_nothing_over(api: Api, stored: StoredEntries) -> None:
    api.in_force.release = None
    one = Process(api, stored)
    settling = asyncio.create_task(one.carry_over.run())
    await asyncio.sleep(0.02)
    assert not one.entries.is_open
    api.in_force.install(compile_release(1, TEXTS), TEXTS)
    async with asyncio.timeout(20):
        await settling
    assert [key for _, key, _ in stored.records] == [CARRIED_OVER]
    assert api.in_force.release.id == 1


async def test_a_restart_after_compaction_does_not_bring_back_what_was_taken_off(old: Api, stored: StoredEntries) -> None:
    one = Process(old, stored)
    await one.carry_over.run()
    await one.entries.change("blocked", lambda found: iter([Change("blocked", "a", None)]))
    stored.compact()
    again = Process(old, stored)
    await again.carry_over.run()
    assert again.values("blocked") == [("b", "release"), ("c", "release")]
