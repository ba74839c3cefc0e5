"""How often a consumer looks at a log that another process writes."""

import pathlib

import pytest

from pipeline.log import log_consumer
from pipeline.log.frame import Entry
from pipeline.log.log_consumer import POLL_SECONDS, POLL_SECONDS_MAX, LogConsumer
from pipeline.log.log_folder import LOG_FOLDER, LOGS_OF, TOPIC_PREFIX
from pipeline.log.writer import LogWriter


def test_a_consumer_looks_less_often_while_nothing_comes_and_soon_again_after_a_record(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, slept = [1_000.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(log_consumer.time, "sleep", sleep)
    monkeypatch.setattr(log_consumer.time, "monotonic", lambda: now[0])
    consumer = LogConsumer({LOG_FOLDER: str(tmp_path), TOPIC_PREFIX: "", "group.id": "a"})
    consumer.subscribe(["decisions"])
    assert consumer.consume(10, 10.0) == []
    assert slept[0] == POLL_SECONDS
    assert slept == sorted(slept[:-1]) + slept[-1:]
    assert max(slept) == POLL_SECONDS_MAX
    log = LogWriter(tmp_path / LOGS_OF["decisions"][-1], "os")
    log.append([Entry("decisions", b"a", b"1")])
    log.close()
    assert [message.value() for message in consumer.consume(10, 10.0)] == [b"1"]
    slept.clear()
    consumer.consume(10, 1.0)
    assert slept[0] == POLL_SECONDS
