"""Who waits for records of a log sleeps until another process has written some, or until it is woken."""

import functools
import pathlib
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from pipeline.log.bell import Bell
from pipeline.log.frame import Entry
from pipeline.log.log_consumer import LogConsumer
from pipeline.log.log_folder import LOG_FOLDER, LOG_WATCH, LOGS_OF, TOPIC_PREFIX, close_writers
from pipeline.log.log_watch import PAUSE_SECONDS
from pipeline.log.segments import Segments
from pipeline.log.writer import LogWriter

LONG_SECONDS = 30.0


@pytest.fixture
def consumer(tmp_path: pathlib.Path) -> Iterator[LogConsumer]:
    made = LogConsumer({LOG_FOLDER: str(tmp_path), TOPIC_PREFIX: "", "group.id": "a"})
    made.subscribe(["dead-letters"])
    yield made
    made.close()
    close_writers(tmp_path)


@pytest.fixture
def looks(consumer: LogConsumer, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When the consumer looked."""
    made: list[float] = []
    look = consumer._look
    monkeypatch.setattr(consumer, "_look", lambda number: made.append(time.monotonic()) or look(number))
    return made


def append(folder: pathlib.Path, topic: str, value: bytes, log: int = -1) -> None:
    writer = LogWriter(folder / LOGS_OF[topic][log], "os")
    writer.append([Entry(topic, b"a", value)])
    writer.close()


def soon(do: Callable[[], object]) -> threading.Thread:
    thread = threading.Timer(3 * PAUSE_SECONDS, do)
    thread.start()
    return thread


@pytest.mark.parametrize("log", [0, 1], ids=LOGS_OF["dead-letters"])
def test_a_record_is_read_at_once_though_its_log_was_not_there_when_the_wait_began(tmp_path, consumer, looks, log: int) -> None:
    writing = soon(functools.partial(append, tmp_path, "dead-letters", b"1", log))
    assert [message.value() for message in consumer.consume(10, LONG_SECONDS)] == [b"1"]
    assert looks[-1] - looks[0] < LONG_SECONDS / 2
    writing.join()


def test_records_of_other_topics_wake_nobody(tmp_path, consumer, looks) -> None:
    append(tmp_path, "decisions", b"1")
    assert consumer.consume(10, 0.01) == []
    before = len(looks)
    writing = soon(lambda: [append(tmp_path, "decisions", b"2") for _ in range(3)])
    assert consumer.consume(10, 10 * PAUSE_SECONDS) == []
    assert len(looks) - before <= 2, "one look when it comes, and one at its end"
    writing.join()


def test_a_consumer_that_is_woken_returns_with_nothing_and_one_that_was_woken_before_does_not_wait(consumer) -> None:
    began = time.monotonic()
    waking = soon(consumer.wake)
    assert consumer.consume(10, LONG_SECONDS) == []
    waking.join()
    consumer.wake()
    assert consumer.consume(10, LONG_SECONDS) == []
    assert time.monotonic() - began < LONG_SECONDS
    consumer.wake()
    assert consumer.consume(10, 0.0) == []


def test_the_watch_has_a_thread_while_somebody_waits_and_none_afterwards(tmp_path, consumer) -> None:
    before = threading.enumerate()
    consumer.consume(10, 0.01)
    [watching] = set(threading.enumerate()) - set(before)
    consumer.close()
    watching.join(LONG_SECONDS)
    assert not watching.is_alive()


def test_who_waits_for_a_damaged_log_looks_and_finds_that_out(tmp_path, monkeypatch) -> None:
    segments, bell = Segments(tmp_path / "side"), Bell()

    def refresh() -> None:
        raise OSError("unreadable")

    monkeypatch.setattr(segments, "refresh", refresh)
    segments.add_bell(bell, ["models"])
    assert LOG_WATCH.add(segments)
    try:
        append(tmp_path, "models", b"1")
        bell.wait(LONG_SECONDS)
        assert bell._quiet.locked(), "it was rung, and has been heard"
    finally:
        LOG_WATCH.remove(segments)
