"""Entries that expired are taken off the topic: by event time, in batches, by one process."""

import pytest
from api_imitation import NOW_MS, Api
from entry_topic_in_memory import MemoryEntryTopic

from api.definitions import expiring
from api.definitions.expiring import KEPT_MS, Expiring
from api.kafka.log import LogUnavailableError
from api.lists.entries import Entries
from patterns.entries import Change, Entry
from patterns.list_changes import edited

LATENESS_MS = 600_000


async def add(api: Api, name: str, ends: dict[str, int | None]) -> None:
    entries = [Entry(name, value, end) for value, end in ends.items()]
    await api.entries.change(name, lambda found: edited(found, name, entries, []))


@pytest.fixture
async def taking(api: Api) -> Expiring:
    await add(api, "bad", {"a": NOW_MS, "b": NOW_MS + 5, "c": None})
    await add(api, "good", {"d": NOW_MS - 5})
    return Expiring(api.entries, api.in_force)


async def test_they_go_once_no_late_event_can_ask_for_them(api: Api, taking: Expiring) -> None:
    for event_time_ms, gone in ((0, 0), (NOW_MS + 10, 0), (NOW_MS + KEPT_MS + LATENESS_MS - 6, 0), (NOW_MS + KEPT_MS + LATENESS_MS, 2)):
        api.event_time_ms = event_time_ms
        assert await taking.step() == gone
    assert [entry.value for entry in api.entries.lists.get("bad").after()] == ["b", "c"]
    assert (api.entries.lists.count, [value for _, _, value in api.entries_stored.records[-2:]]) == (2, [None, None])
    assert await taking.step() == 0


async def test_they_go_in_batches(api: Api, taking: Expiring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiring, "AT_ONCE_MAX", 2)
    api.event_time_ms = 2 * NOW_MS
    assert [await taking.step() for _ in range(3)] == [2, 1, 0]


async def test_an_entry_that_got_another_end_in_another_process_stays(api: Api, taking: Expiring) -> None:
    other = Entries(MemoryEntryTopic(api.entries_stored), lambda: 0)
    other.open()
    api.entries_stored.follow(other)
    api.entries_stored.followers.remove(api.entries)  # this process lags
    await other.change("bad", lambda found: iter([Change("bad", "a", Entry("bad", "a"))]))
    api.event_time_ms = NOW_MS + KEPT_MS + LATENESS_MS
    end = api.entries.topic.end

    async def read_by_then() -> int:
        api.entries_stored.follow(api.entries)
        return await end()

    api.entries.topic.end = read_by_then  # type: ignore[method-assign]
    assert await taking.step() == 1
    assert [entry.value for entry in api.entries.lists.get("bad").after()] == ["a", "b", "c"]


async def test_while_the_topic_takes_nothing_nothing_goes(api: Api, taking: Expiring) -> None:
    api.event_time_ms = 2 * NOW_MS
    api.entries_stored.down = True
    with pytest.raises(LogUnavailableError):
        await taking.step()
    assert api.entries.lists.count == 4
