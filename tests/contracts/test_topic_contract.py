"""What topics keep to, on a broker and in a log: a job that reads and writes them does not know which it is."""

import pathlib
import time
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import TopicPartition

from deploy.servers.topics import make_topics
from foundation.settings import Settings
from pipeline.control.kafka import ControlTopic, Outbox, consumer_of, ends_of, is_end, next_of, place_of, producer_of, read_until
from pipeline.control.sole_writer import SoleWriter
from pipeline.control.topic_values import records_of, values_of
from pipeline.log.log_folder import LOGS, close_writers


@pytest.fixture(params=["log", pytest.param("broker", marks=pytest.mark.integration)])
def settings(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[Settings]:
    if request.param == "log":
        made = Settings(folder=str(tmp_path), runtime="solo")
    else:
        broker = request.getfixturevalue("broker")
        made = Settings(folder=str(tmp_path), bootstrap=broker, topic_prefix=f"t{abs(hash(tmp_path))}.", partitions=1)
        make_topics(made)
    yield made
    close_writers(made.path(*LOGS))


def send(settings: Settings, topic: str, *records: tuple[bytes, bytes | None]) -> None:
    outbox = Outbox(producer_of(settings))
    for key, value in records:
        outbox.send(settings.topic(topic), key, value)
    outbox.flush()


def taken(consumer: object, count: int) -> list[tuple[bytes | None, bytes | None]]:
    found: list[tuple[bytes | None, bytes | None]] = []
    deadline = time.monotonic() + 60
    while len(found) < count:
        assert time.monotonic() < deadline
        found += [(each.key(), each.value()) for each in consumer.consume(100, 0.2) if not each.error()]  # type: ignore[attr-defined]
    return found


def test_a_group_reads_what_it_has_not_committed_again_and_nothing_else(settings: Settings) -> None:
    send(settings, "metrics", (b"a", b"1"), (b"a", b"2"))
    topic = settings.topic("metrics")
    first = consumer_of(settings, "reader")
    first.subscribe([topic])
    assert taken(first, 2) == [(b"a", b"1"), (b"a", b"2")]
    [place] = first.position(first.assignment())
    first.commit(offsets=[TopicPartition(topic, 0, place.offset - 1)], asynchronous=False)
    first.close()
    second = consumer_of(settings, "reader")
    second.subscribe([topic])
    assert taken(second, 1) == [(b"a", b"2")]
    second.commit(asynchronous=False)
    second.close()
    send(settings, "metrics", (b"b", b"3"))
    third = consumer_of(settings, "reader")
    third.subscribe([topic])
    assert taken(third, 1) == [(b"b", b"3")]
    third.close()


def test_a_topic_is_read_from_an_offset_to_the_end_that_it_has(settings: Settings) -> None:
    send(settings, "control", (b"one", b"1"), (b"two", None), (b"three", b"3"))
    send(settings, "entries", (b"other", b"x"))
    consumer = consumer_of(settings, "to-the-end", **{"enable.partition.eof": True})
    ends = ends_of(consumer, [settings.topic("control")])
    found: list[tuple[str, int, bytes | None, bytes | None]] = []

    def take(messages: list[object]) -> None:
        found.extend((place_of(each), each.offset(), each.key(), each.value()) for each in messages)  # type: ignore[attr-defined, arg-type]

    read_until(consumer, {}, ends, take, lambda: False)
    place = f"{settings.topic('control')}/0"
    assert found == [(place, 0, b"one", b"1"), (place, 1, b"two", None), (place, 2, b"three", b"3")]
    found.clear()
    read_until(consumer, {place: 1}, ends, take, lambda: False)
    assert [key for _, _, key, _ in found] == [b"two", b"three"]
    consumer.close()


@pytest.mark.parametrize("topic", ["events", "decisions", "late", "dead-letters", "models", "metrics"])
def test_what_is_written_to_a_topic_is_read_from_it_whatever_log_it_stands_in(settings: Settings, topic: str) -> None:
    send(settings, topic, (b"one", b"1"))
    assert list(values_of(settings, topic)) == [[b"1"]]


def test_the_end_of_a_topic_is_said_once_and_again_behind_what_comes_later(settings: Settings) -> None:
    send(settings, "control", (b"one", b"1"))
    consumer = consumer_of(settings, "ends", **{"enable.partition.eof": True})
    consumer.assign([TopicPartition(settings.topic("control"), 0, 0)])
    said: list[bool] = []

    def look(until: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not until():
            assert time.monotonic() < deadline
            said.extend(is_end(each) for each in consumer.consume(10, 0.2))

    look(lambda: said == [False, True])
    send(settings, "control", (b"two", b"2"))
    look(lambda: said == [False, True, False, True])
    consumer.close()


def test_a_consumer_that_pauses_gets_nothing_until_it_resumes(settings: Settings) -> None:
    send(settings, "control", (b"one", b"1"))
    consumer = consumer_of(settings, "pausing")
    consumer.assign([TopicPartition(settings.topic("control"), 0, 0)])
    consumer.pause(consumer.assignment())
    assert consumer.consume(10, 0.5) == []
    consumer.resume(consumer.assignment())
    assert taken(consumer, 1) == [(b"one", b"1")]
    consumer.close()


def test_whole_topics_and_times_are_read_and_an_empty_topic_too(settings: Settings) -> None:
    before_ms = int(time.time() * 1000)
    send(settings, "labels", (b"one", b"1"), (b"two", b"2"))
    [records] = records_of(settings, "labels")
    assert (records.partition, records.values) == (0, [b"1", b"2"])
    assert all(before_ms - 1_000 <= at_ms <= before_ms + 120_000 for at_ms in records.at_ms)
    assert list(values_of(settings, "late")) == []


def test_what_a_sole_writer_commits_is_there_together(settings: Settings) -> None:
    writer = SoleWriter(settings, "entries")
    writer.begin()
    writer.commit([("one", b"1"), ("two", None)])
    writer.close()
    consumer = consumer_of(settings, "entries-reader")
    consumer.assign([TopicPartition(settings.topic("entries"), 0, 0)])
    assert taken(consumer, 2) == [(b"one", b"1"), (b"two", None)]
    consumer.close()


def test_a_job_reads_the_control_topic_to_its_end_again_and_again(settings: Settings) -> None:
    topic = ControlTopic(settings)
    topic.read_to_end()
    assert topic.definitions.releases.ids() == []
    send(settings, "control", (b"release:0000000001", b'{"id": 1, "parts": {}}'))
    topic.read_to_end()
    assert topic.definitions.releases.ids() == [1]
    topic.close()


def test_the_messages_that_are_there_are_taken_and_no_more_are_waited_for(settings: Settings) -> None:
    send(settings, "control", (b"one", b"1"), (b"two", b"2"))
    consumer = consumer_of(settings, "next", **{"enable.partition.eof": True})
    consumer.assign([TopicPartition(settings.topic("control"), 0, 0)])
    found: list[bytes | None] = []
    waited: list[float] = []

    class Watched:
        def poll(self, seconds: float) -> object:
            return consumer.poll(seconds)

        def consume(self, count: int, seconds: float) -> object:
            waited.append(seconds)
            return consumer.consume(count, seconds)

    deadline = time.monotonic() + 60
    while len(found) < 2:
        assert time.monotonic() < deadline
        found += [each.key() for each in next_of(Watched(), 100, 1.0) if not each.error()]  # type: ignore[arg-type]
    assert found == [b"one", b"two"]
    assert set(waited) == {0}
    consumer.close()
