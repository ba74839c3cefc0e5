"""A score job that is saved in the middle of a stream, and what it decides later: recorded once, and asked again of a restored one.

For tests only. One partition and one subtask, so that what is decided depends on nothing but the records.
"""

import base64
import pathlib
import random
import shutil
from typing import Any

import msgspec
from confluent_kafka import Producer
from score_job_runs import Json, cancel, ends, prepared, records, saved, submitted, wait_for, wait_until_taken

from pipeline.control.kafka_access import connection_of
from pipeline.wire.declaration import REPLY_HEADER

TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [shop]
fields: {amount: {type: decimal, scale: 2, retain: true}, kind: {type: string, retain: true, required: false}}
lateness: 10m
retention: 2d
""",
    "features": """
- {name: count_1h, template: count, window: 1h}
- {name: mean_1d, template: mean, value: event.amount, window: 1d}
- {name: max_1h, template: max, value: event.amount, window: 1h}
- {name: kinds_1d, template: distinct, value: event.kind, window: 1d}
- {name: rank_1d, template: quantile_rank, value: event.amount, window: 1d}
- {name: decayed, template: ew_mean, value: event.amount, half_life: 1h}
- {name: at_shop_1d, template: count, entity: [who, shop], window: 1d}
- {name: risk, template: label_rate, window: {length: 1d, delay: 1m}}
- {name: shop_count_1h, template: count, entity: shop, window: 1h}
- {name: shop_users_1d, template: linked_count, entity: shop, window: 1d}
- {name: shop_risk, template: label_rate, entity: shop, window: {length: 1d, delay: 1m}}
""",
    "models": """
- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 3}}
""",
    "policy": """
score: first_ready(own)
bands: [{below: 0.5, action: approve}, {below: 0.9, action: review}, {action: block}]
fallback: {action: review}
""",
}
START_MS = 1_700_000_000_000
TOPICS = ("control", "models", "labels-resolved", "events")
"""What the score job reads."""
ASKED = "asked"
"""The header of an event that somebody waits for."""
OF_THE_MOMENT = ("processed_at", "latency_ms")
"""What a decision says of the moment at which it was made."""


class Recorded(msgspec.Struct):
    """What was on the topics when the job was saved, what came later, and what an uninterrupted job made of that.

    Args:
        topics: the records of each topic at that time, as pairs of base64; a record without a value has None.
        labels: later records of labels-resolved.
        events: later events; each is one that somebody waits for.
        decisions: those on later events, in order, without what they say of the moment.
        replies: to the later events, in order.
    """

    topics: dict[str, list[tuple[str, str | None]]]
    labels: list[tuple[str, Json]]
    events: list[Json]
    decisions: list[Json]
    replies: list[Json]


class SavedStream:
    """The records of the run that is recorded: 150 events and what corrects, repeats and labels them, and later ones that look back."""

    def __init__(self) -> None:
        self._draw = random.Random(4)
        self._at = START_MS
        self.known: list[Json] = []

    def events(self, first: int, count: int) -> list[Json]:
        """New events, of which some are late and some are followed by a repeat, a correction or a retraction of an earlier one."""
        made = []
        for id in range(first, first + count):
            event = self._event(id)
            self.known.append(event)
            made.append(event)
            chance = self._draw.random()
            if chance < 0.3:
                operation = [{}, {"op": "correct", "amount": self._amount()}, {"op": "retract"}][int(chance * 10)]
                made.append({**self._draw.choice(self.known[-40:]), **operation})
        return made

    def labels(self, count: int) -> list[tuple[str, Json]]:
        """Labels, known from the newest event on, of some of the events so far: a record for each entity."""
        made: list[tuple[str, Json]] = []
        for event in self._draw.sample(self.known, count):
            label = {"event_id": str(event["id"]), "id_key": event["id"], "event_time": event["at"], "user": event["who"]}
            value = {**label, "label": 1, "label_time": self._at + 1}
            made += [(f"who\0{event['who']}", value), (f"shop\0{event['shop']}", value)]
        return made

    def _event(self, id: int) -> Json:
        self._at += self._draw.choice((0, 500, 9_000, 60_000))
        late_ms = self._draw.randrange(500_000) if self._draw.random() < 0.15 else 0
        user, shop = f"u{self._draw.randrange(6)}", f"s{self._draw.randrange(4)}"
        amount, kind = self._amount(), self._draw.choice("abc")
        return {"id": id, "at": self._at - late_ms, "who": user, "shop": shop, "amount": amount, "kind": kind}

    def _amount(self) -> float:
        return self._draw.randrange(1, 99_999) / 100


def record(broker: str, flink: Any, folder: pathlib.Path, prefix: str, kept: pathlib.Path) -> None:
    """Saves a job in the middle of a stream, lets it go on, and keeps the savepoint and the record in `kept`, which may be moved further.

    Of what is small Flink keeps the place at which a file would have been: that of a temporary folder.
    """
    settings = prepared(broker, flink, folder, prefix, TEXTS, partitions=1, entity_wait_ms=20_000)
    job = submitted(flink, settings)
    stream = SavedStream()
    _send(settings, "events", [(str(event["who"]), event) for event in stream.events(1, 120)])
    wait_until_taken(settings, "events")
    _send(settings, "labels-resolved", stream.labels(20))
    _send(settings, "events", [(str(event["who"]), event) for event in stream.events(121, 30)])
    for topic in ("labels-resolved", "events"):
        wait_until_taken(settings, topic)
    _send(settings, "labels-resolved", stream.labels(20))  # they wait in the profiles when the job is saved
    wait_until_taken(settings, "labels-resolved")
    topics = {topic: [(_text(each.key()), _text(each.value())) for each in records(settings, topic)] for topic in TOPICS}
    before = sum(ends(settings, "decisions"))
    shutil.move(saved(flink, job, folder, goes_on=True), kept)
    again = [event for event in stream.known[::12] if "op" not in event]
    labels, events = stream.labels(20), again + stream.events(151, 60)
    decisions, replies = go_on(settings, labels, events, before)
    cancel(flink, job)
    recorded = Recorded(topics, labels, events, decisions, replies)
    (kept / "recorded.json").write_bytes(msgspec.json.format(msgspec.json.encode(recorded), indent=0))


def go_on(settings: Any, labels: list[tuple[str, Json]], events: list[Json], before: int) -> tuple[list[Json], list[Json]]:
    """Sends what comes later; gives the decisions behind the first `before`, and the replies."""
    _send(settings, "labels-resolved", labels)
    wait_until_taken(settings, "labels-resolved")
    _send(settings, "events", [(str(event["who"]), event) for event in events], ASKED)
    wait_until_taken(settings, "events")
    wait_for(lambda: sum(ends(settings, "replies")) >= len(events), 60, "events without a reply")
    return _read(settings, "decisions")[before:], _read(settings, "replies")


def read_recorded(kept: pathlib.Path) -> Recorded:
    """The record beside a savepoint."""
    return msgspec.json.decode((kept / "recorded.json").read_bytes(), type=Recorded)


def write(settings: Any, topic: str, kept: list[tuple[str, str | None]]) -> None:
    """Writes records of a record's topic, in their order."""
    _produce(settings, topic, [(base64.b64decode(key), None if value is None else base64.b64decode(value)) for key, value in kept])


def _send(settings: Any, topic: str, values: list[tuple[str, Json]], asked: str = "") -> None:
    _produce(settings, topic, [(key.encode(), msgspec.json.encode(value)) for key, value in values], asked)


def _produce(settings: Any, topic: str, values: list[tuple[bytes, bytes | None]], asked: str = "") -> None:
    producer = Producer({**connection_of(settings)})
    for key, value in values:
        producer.produce(settings.topic(topic), value, key, 0, headers=[(REPLY_HEADER, asked.encode())] if asked else None)
    assert producer.flush(60) == 0


def _read(settings: Any, topic: str) -> list[Json]:
    read = [msgspec.json.decode(each.value()) for each in records(settings, topic)]
    return [{name: value for name, value in each.items() if name not in OF_THE_MOMENT} for each in read]


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()
