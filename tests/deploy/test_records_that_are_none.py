"""What the commands read off topics, whatever else somebody has written there."""

from typing import Any

import msgspec
import pytest

from deploy.demo import watch
from deploy.demo.watch import Watch
from deploy.local import releases, topic_records
from foundation.settings import Settings
from pipeline.control.kafka import Outbox
from pipeline.control.known_releases import ReleaseRecord

JUNK = [b"", b"\xff", b"{}", b"[]", b"[" * 100_000, b'{"id":' * 100_000, b'{"id": ' + b"9" * 5_000 + b"}", b'{"reason": {}}', None]
SEEN = {"event_id": "1", "event_time": 5, "user": "u", "score": 0.5, "action": "block", "reasons": [], "event": {}, "entities": {}}
SEEN |= {"processed_at": 6}


class Message:
    def __init__(self, topic: str, key: bytes, value: bytes | None) -> None:
        self._topic, self._key, self._value = topic, key, value

    def topic(self) -> str:
        return self._topic

    def key(self) -> bytes:
        return self._key

    def value(self) -> bytes | None:
        return self._value

    def offset(self) -> int:
        return 0

    def error(self) -> None:
        return None


class Consumer:
    """Gives all of `found` at once."""

    def __init__(self, found: list[Message]) -> None:
        self.found = found

    def consume(self, count: int, seconds: float) -> list[Message]:
        return self.found

    def assign(self, places: object) -> None:
        pass

    def close(self) -> None:
        pass


def test_the_live_view_shows_decisions_and_dead_letters_and_passes_over_what_is_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings()
    letter, decision = msgspec.json.encode({"reason": {"what": "bad id"}}), msgspec.json.encode(SEEN)
    topics = settings.topic("decisions"), settings.topic("dead-letters")
    found = [Message(topic, b"", junk) for topic in topics for junk in JUNK if junk != b'{"reason": {}}']
    found += [Message(topics[0], b"", decision), Message(topics[1], b"", letter)]
    monkeypatch.setattr(watch, "connection_of", lambda settings: {})
    monkeypatch.setattr(watch, "open_consumer", lambda rules: Consumer(found))
    monkeypatch.setattr(Watch, "_ends", lambda self, topic: [])
    decisions, letters = Watch(settings).poll(0.0)
    assert ([each.event_id for each in decisions], letters) == (["1"], ["bad id"])


def test_a_configuration_is_published_behind_records_under_a_releases_key_that_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[bytes, Any]] = []
    stored = msgspec.json.encode(ReleaseRecord(7, {"schema": "0"}, 5))
    found = [Message("control", b"release:0000000009", junk) for junk in JUNK] + [Message("control", b"release:0000000007", stored)]
    monkeypatch.setattr(topic_records, "consumer_of", lambda *given, **more: Consumer([]))  # the same records of every topic
    monkeypatch.setattr(topic_records, "ends_of", lambda *given: {})
    monkeypatch.setattr(topic_records, "read_until", lambda consumer, starts, ends, take, stopping: take(found))
    monkeypatch.setattr(releases, "producer_of", lambda *given, **more: None)
    monkeypatch.setattr(Outbox, "send", lambda self, topic, key, value: sent.append((key, value)))
    monkeypatch.setattr(Outbox, "flush", lambda self: None)
    assert releases.publish(Settings(), {"schema": "x"}) == 8
    assert sent[-1][0] == b"release:0000000008"
