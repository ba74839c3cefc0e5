"""The newest decision of each partition is read off the end of the topic, whatever else stands there."""

from typing import Any

import msgspec
import pytest
from api_imitation import NOW_MS, Api
from confluent_kafka import KafkaException, TopicPartition

from api.decisions.deciders import GRACE_MS, Deciders, Newest
from api.decisions.newest_decisions import NewestDecisions
from api.http.metrics import ApiMetrics

TOPIC = "weir.decisions"


class FakeTopic:
    """A topic of three partitions and a consumer of it; `ends` are their last records, none for an empty one."""

    def __init__(self, *ends: bytes | None) -> None:
        self.ends = ends
        self.down = False
        self.assigned: list[TopicPartition] = []
        self.partitions = dict(enumerate(ends))
        self.topics = {TOPIC: self}

    def list_topics(self, topic: str, timeout: float) -> "FakeTopic":
        if self.down:
            raise KafkaException("no broker")
        return self

    def get_watermark_offsets(self, place: TopicPartition, timeout: float) -> tuple[int, int]:
        return (0, 0) if self.ends[place.partition] is None else (3, 9)

    def assign(self, places: list[TopicPartition]) -> None:
        self.assigned = list(places)

    def incremental_unassign(self, places: list[TopicPartition]) -> None:
        self.assigned = [each for each in self.assigned if each.partition != places[0].partition]

    def unassign(self) -> None:
        self.assigned = []

    def poll(self, seconds: float) -> Any:
        return FakeMessage(self.assigned[0], self.ends[self.assigned[0].partition]) if self.assigned else None

    def close(self) -> None:
        self.down = True


class FakeMessage:
    def __init__(self, place: TopicPartition, value: bytes | None) -> None:
        assert place.offset == 8  # the last one of nine
        self._place, self._value = place, value

    def error(self) -> None:
        return None

    def value(self) -> bytes | None:
        return self._value

    def partition(self) -> int:
        return self._place.partition


def decision(release: int, processed_at: int = NOW_MS) -> bytes:
    return msgspec.json.encode({"event_id": "1", "release": release, "processed_at": processed_at})


def reader_of(topic: FakeTopic, monkeypatch: pytest.MonkeyPatch) -> NewestDecisions:
    monkeypatch.setattr("api.decisions.newest_decisions.open_consumer", lambda rules: topic)
    monkeypatch.setattr("api.decisions.newest_decisions.SECONDS_MAX", 0.2)
    return NewestDecisions({}, TOPIC)


async def test_the_last_record_of_each_partition_that_has_one_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = reader_of(FakeTopic(decision(3), None, decision(4)), monkeypatch)
    assert await reader.newest() == [Newest(3, NOW_MS), Newest(4, NOW_MS)]


JUNK = [b"", b"\xff", b"{}", b"[" * 100_000, b'{"x":' * 100_000, b'{"release":"1","processed_at":1}', b'{"release":' + b"9" * 5_000 + b"}"]


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
async def test_a_record_that_is_no_decision_hides_no_other_partition(monkeypatch: pytest.MonkeyPatch, junk: bytes) -> None:
    reader = reader_of(FakeTopic(junk, decision(4)), monkeypatch)
    assert await reader.newest() == [Newest(4, NOW_MS)]


async def test_a_broker_that_does_not_answer_leaves_nothing_to_look_at(monkeypatch: pytest.MonkeyPatch) -> None:
    topic = FakeTopic(decision(3))
    topic.down = True
    assert await reader_of(topic, monkeypatch).newest() == []


async def test_a_decision_by_another_release_than_the_one_in_force_is_an_alarm_though_junk_stands_beside_it(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = FakeTopic(b'{"x":' * 100_000, decision(9))
    deciders = Deciders(reader_of(topic, monkeypatch), api.in_force, api.health, ApiMetrics(), api.clock)
    assert await deciders.check() == ""  # what came before the release was in force for a while says nothing
    api.now_ms += 4 * GRACE_MS
    topic.ends = (b'{"x":' * 100_000, decision(9, api.now_ms))
    assert await deciders.check() == "release 9 decides events, but release 1 is in force"
