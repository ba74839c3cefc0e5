"""When a consumer looks at a log that another process writes."""

import pathlib

import pytest

from pipeline.log.bell import Bell
from pipeline.log.frame import Entry
from pipeline.log.log_consumer import FLOWING_LOOKS, GATHER_SECONDS, POLL_SECONDS, POLL_SECONDS_MAX, LogConsumer
from pipeline.log.log_folder import LOG_FOLDER, LOGS_OF, TOPIC_PREFIX
from pipeline.log.log_watch import LogWatch
from pipeline.log.segments import Segments
from pipeline.log.writer import LogWriter


class Sleeps(list[float]):
    """The seconds of each sleep; the clock of the consumer goes on by them alone."""

    now = 1_000.0

    def sleep(self, seconds: float) -> None:
        self.append(seconds)
        self.now += seconds


class SleepingBell(Bell):
    """A bell whose waits are sleeps."""

    def __init__(self, slept: Sleeps) -> None:
        super().__init__()
        self.wait = slept.sleep  # type: ignore[method-assign]


class NoWatch(LogWatch):
    """A system that does not tell of writes."""

    def add(self, segments: Segments) -> bool:
        return False

    def remove(self, segments: Segments) -> None:
        pass


@pytest.fixture
def slept() -> Sleeps:
    return Sleeps()


def consumer_of(folder: pathlib.Path, slept: Sleeps) -> LogConsumer:
    options = {LOG_FOLDER: str(folder), TOPIC_PREFIX: "", "group.id": "a"}
    consumer = LogConsumer(options, monotonic=lambda: slept.now, sleep=slept.sleep, bell=SleepingBell(slept), watch=NoWatch())
    consumer.subscribe(["decisions"])
    return consumer


def append(folder: pathlib.Path, *values: bytes) -> None:
    log = LogWriter(folder / LOGS_OF["decisions"][-1], "os")
    log.append([Entry("decisions", b"a", value) for value in values])
    log.close()


def test_a_consumer_that_is_not_told_of_writes_looks_less_often_while_nothing_comes_and_soon_again_after_a_record(
    tmp_path: pathlib.Path, slept: Sleeps
) -> None:
    consumer = consumer_of(tmp_path, slept)
    assert consumer.consume(10, 10.0) == []
    assert slept[0] == POLL_SECONDS
    assert slept[:-1] == sorted(slept[:-1])
    assert max(slept) == POLL_SECONDS_MAX
    append(tmp_path, b"1")
    assert [message.value() for message in consumer.consume(10, 10.0)] == [b"1"]
    slept.clear()
    consumer.consume(10, 1.0)
    assert slept[0] == POLL_SECONDS


def test_what_comes_all_the_time_is_taken_in_large_batches(tmp_path: pathlib.Path, slept: Sleeps) -> None:
    consumer = consumer_of(tmp_path, slept)
    for _ in range(FLOWING_LOOKS):
        append(tmp_path, b"1")
        slept.clear()
        assert len(consumer.consume(10, 1.0)) == 1
        assert slept == []
    append(tmp_path, b"1")
    slept.clear()
    assert len(consumer.consume(10, 1.0)) == 1
    assert slept == [pytest.approx(GATHER_SECONDS)]


def test_a_backlog_is_taken_without_a_pause(tmp_path: pathlib.Path, slept: Sleeps) -> None:
    append(tmp_path, *[b"1"] * 60)
    consumer = consumer_of(tmp_path, slept)
    assert [len(consumer.consume(10, 1.0)) for _ in range(6)] == [10] * 6
    assert slept == []


def test_a_consumer_that_is_asked_again_and_again_looks_once_each_time(
    tmp_path: pathlib.Path, slept: Sleeps, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    consumer = consumer_of(tmp_path, slept)
    look = consumer._look
    monkeypatch.setattr(consumer, "_look", lambda number: looks.append(0.0) or look(number))
    while consumer._poll_seconds < POLL_SECONDS_MAX:
        consumer.consume(10, POLL_SECONDS_MAX)
    looks.clear()
    for _ in range(20):
        consumer.consume(10, POLL_SECONDS_MAX)
    assert len(looks) == 20
    append(tmp_path, b"1")
    assert [message.value() for message in consumer.consume(10, 0.0)] == [b"1"], "who does not wait sees what is there"
