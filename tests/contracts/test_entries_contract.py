"""What every topic of entries keeps to; each `Entries` is another process that follows it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

import pytest
from confluent_kafka import Producer
from entry_topic_in_memory import MemoryEntryTopic, StoredEntries

from api.kafka.log import KafkaLog, LogUnavailableError
from api.lists.entries import Entries, new_id
from api.lists.entry_topic import EntryFollowing, KafkaEntryTopic
from deploy.local.entries import read_entries
from deploy.servers.topics import make_topics
from foundation.settings import Settings
from patterns.entries import API, CARRIED_OVER, Change, Entry, Placed
from patterns.list_changes import edited, replaced
from pipeline.control.kafka_access import connection_of
from pipeline.control.sole_writer import SoleWriter


class Place(Protocol):
    """A topic of entries without records."""

    async def open(self, stack: contextlib.AsyncExitStack) -> Entries:
        """Another process that follows it, until `stack` ends."""


class InMemory:
    def __init__(self) -> None:
        self._stored = StoredEntries()

    async def open(self, stack: contextlib.AsyncExitStack) -> Entries:
        made = Entries(MemoryEntryTopic(self._stored), lambda: 0)
        self._stored.follow(made)
        stack.callback(self._stored.followers.remove, made)
        made.open()
        return made


class OnBroker:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        make_topics(settings)

    async def open(self, stack: contextlib.AsyncExitStack) -> Entries:
        found: list[Entries] = []

        def take(records: list[Placed]) -> None:
            found[0].take(records)

        topic = self.settings.topic("entries")
        following = EntryFollowing(connection_of(self.settings), topic, take)
        log = KafkaLog(connection_of(self.settings), acks="all")
        made = Entries(KafkaEntryTopic(following, log, topic, SoleWriter(self.settings, "entries")), lambda: 0)
        found.append(made)
        stack.callback(log.close)
        stack.callback(following.close)
        await asyncio.to_thread(following.assign, from_end=False)
        following.start(asyncio.get_running_loop())
        made.open()
        return made


@pytest.fixture(params=["memory", pytest.param("broker", marks=pytest.mark.integration)])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "memory":
        return InMemory()
    prefix = f"contract-{abs(hash(request.node.name))}."
    return OnBroker(Settings(bootstrap=request.getfixturevalue("broker"), topic_prefix=prefix, partitions=1))


@pytest.fixture
async def opened(place: Place) -> AsyncIterator[Callable[[], Awaitable[Entries]]]:
    async with contextlib.AsyncExitStack() as stack:
        yield lambda: place.open(stack)


Opened = Callable[[], Awaitable[Entries]]


async def edit(entries: Entries, *add: str, remove: tuple[str, ...] = (), seen: str | None = None) -> int:
    made = [Entry("bad", value, source=API, id=new_id("edit")) for value in add]
    return (await entries.change("bad", lambda found: edited(found, "bad", made, remove), seen)).version


def values(entries: Entries) -> list[str]:
    return [entry.value for entry in entries.lists.get("bad").after()]


async def test_a_change_is_there_when_it_is_answered_and_every_process_sees_it_under_one_version(opened: Opened) -> None:
    one, two = await opened(), await opened()
    version = await edit(one, "a", "b")
    assert (values(one), one.lists.get("bad").version) == (["a", "b"], version)
    await two.catch_up()
    assert (values(two), two.lists.get("bad").version) == (["a", "b"], version)
    assert await edit(two, "c", remove=("a",)) > version
    await one.catch_up()
    assert values(one) == values(two) == ["b", "c"]
    assert one.lists.get("bad").version == two.lists.get("bad").version


async def test_a_process_that_starts_later_reads_what_is_there(opened: Opened) -> None:
    one = await opened()
    await one.change("bad", lambda found: replaced(found, Entry("bad", ""), dict.fromkeys(f"v{number:04d}" for number in range(3_000))))
    version = await edit(one, remove=tuple(f"v{number:04d}" for number in range(1, 3_000)))
    later = await opened()
    await later.catch_up()
    assert (values(later), later.lists.count, later.lists.get("bad").version) == (["v0000"], 1, version)


async def test_a_change_that_expects_a_version_finds_what_any_process_was_answered_before(opened: Opened) -> None:
    one, two = await opened(), await opened()
    for number in range(20):
        first, second = (one, two) if number % 2 else (two, one)
        version = await edit(first, f"v{number}")
        assert await edit(second, f"w{number}", seen=f'"{version}"') > version
    await one.catch_up()
    assert len(values(one)) == 40


async def test_of_two_that_would_write_alone_the_one_that_began_last_does(opened: Opened) -> None:
    one, two = await opened(), await opened()
    mark = [Change("bad", "x", Entry("bad", "x")).record(), (CARRIED_OVER, b"{}")]
    await one.topic.begin_alone()
    await two.topic.begin_alone()
    with pytest.raises(LogUnavailableError):
        await one.topic.commit_alone(mark)
    await two.catch_up()
    assert not two.lists.carried_over
    await two.topic.commit_alone(mark)
    await one.catch_up()
    assert (one.lists.carried_over, values(one)) == (True, ["x"])
    assert await edit(one, "y") > 0, "what stands behind a transaction is read too"
    later = await opened()
    await later.catch_up()
    assert (later.lists.carried_over, values(later)) == (True, ["x", "y"])


async def test_records_that_are_none_of_an_entry_are_passed_over(broker: str) -> None:
    place = OnBroker(Settings(bootstrap=broker, topic_prefix="contract-strange.", partitions=1))
    producer = Producer(connection_of(place.settings))
    good = Change("bad", "a", Entry("bad", "a")).record()
    for key, value in (("x", b"y"), ('["bad","b"]', b"{"), ("", b"z"), ('["bad"]', None), good, (b"\xff", b"")):
        producer.produce(place.settings.topic("entries"), value, key)
    assert producer.flush(30) == 0
    async with contextlib.AsyncExitStack() as stack:
        made = await place.open(stack)
        await made.catch_up()
        assert (values(made), made.lists.read_to) == (["a"], 6)
    assert [entry.value for entry in read_entries(place.settings).get("bad").after()] == ["a"]
