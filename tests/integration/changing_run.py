"""One run of the whole system in which features, policy, models and who is champion change over HTTP while payments come without pause."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import msgspec
from confluent_kafka import Consumer, TopicPartition
from one_release import PURCHASE, Arrived, OneRelease

from deploy.demo.feed import Feed
from deploy.local.stack import Stack
from detectors.snapshot import Snapshot
from detectors.snapshot_parts import SnapshotAssembly
from foundation.settings import Settings
from patterns.lists import DECLARATION, LIST_PREFIX
from pipeline.control.definitions import key_text
from pipeline.control.kafka import next_of
from pipeline.control.kafka_access import connection_of
from pipeline.engine.definitions.champions import CHAMPIONS, Champion, champions_text
from pipeline.engine.definitions.part_names import PARTS

RATE = 300
HISTORY = 3_000
BROKEN = "- {name: payments_1m, template: count, window: 1m}\n- {name: spent_1m, template: sum, value: event.amonut, window: 1m}\n"


@dataclass
class Change:
    """One request: the release it made, and when its answer was there."""

    release: int
    answered_ms: float


@dataclass
class Run:
    """What happened, and what the topics held at the end.

    Args:
        first: the release before all changes.
        releases: texts of it and of those that the changes made.
        changes: by name.
        refused: the answer to a definition that does not compile, with the releases before and after.
        sent: good payments, by number.
        live: those that came while the changes were made, in the order of each partition.
        in_order: releases that decided, in the order in which each partition of events has the payments of the run. Their decisions may
            stand in another order: one that waits for the answer of its entity is passed by one of another user that has none.
    """

    first: int
    releases: dict[int, dict[str, str]] = field(default_factory=dict)
    changes: dict[str, Change] = field(default_factory=dict)
    refused: tuple[list[dict], httpx.Response, list[dict]] | None = None
    sent: int = 0
    decided: int = 0
    live: list[Arrived] = field(default_factory=list)
    in_order: dict[int, list[int]] = field(default_factory=dict)
    oracle: OneRelease | None = None

    def of_release(self, release: int) -> list[Arrived]:
        """The live events that it decided."""
        return [event for event in self.live if self.oracle.decisions[event.id]["release"] == release]


class Driver:
    """Takes the system through the changes while the generator runs.

    Args:
        api: a caller with the token.
    """

    def __init__(self, stack: Stack, api: httpx.Client) -> None:
        rules = [rule["id"] for rule in api.get("/v1/patterns").json()["patterns"]]
        self.texts = {part: api.get(f"/v1/{part}").text for part in PARTS}
        self.texts |= {f"pattern:{id}": api.get(f"/v1/patterns/{id}").text for id in rules}
        self._lists = {f"{LIST_PREFIX}{each['name']}": DECLARATION for each in api.get("/v1/lists").json()["lists"]}
        self.release = int(api.get("/v1/policy").headers["weir-release"])
        self.run = Run(self.release, {self.release: self.texts | self._lists})
        self._stack = stack
        self._api = api
        self._reader = Reader(stack.settings, first_id=time.time_ns() // 1000)
        self._feed = Feed(stack.settings, RATE, seed=5)
        self._live_ms = 0.0

    def start(self) -> None:
        """Sends a history that a snapshot is made of, and waits until it is decided; then begins to send live payments."""
        sent = self._feed.send_history(1.0, HISTORY)
        self._until(lambda fresh: self._reader.own == sent)
        self._live_ms = time.time() * 1000
        self._feed.start()

    def change(self, part: str, text: str, name: str = "") -> None:
        """Uploads another text of `part`, a change called `name`."""
        self._took(self._api.put(f"/v1/{part}", content=text), {part: text}, name or part)

    def promote(self, model: str, place: str, name: str) -> None:
        """Lets `model` decide in `place` although nothing is known of how good it is, a change called `name`."""
        answer = self._api.post(f"/v1/models/{model}:promote", json={"reason": "a test", "override": True})
        champions = champions_text({place: Champion(model, place)})
        self._took(answer, {CHAMPIONS: champions}, name)

    def roll_back(self, place: str, name: str) -> None:
        """Lets the model decide in `place` that did so before, a change called `name`."""
        self._took(self._api.post(f"/v1/models/{place}:roll_back", json={"reason": "a test"}), {CHAMPIONS: champions_text({})}, name)

    def _took(self, answer: httpx.Response, texts: dict[str, str], name: str) -> None:
        answered_ms = time.time() * 1000
        assert answer.status_code == 200, answer.text
        self.texts = self.texts | texts
        self.release = answer.json()["release"]
        self.run.releases[self.release] = self.texts | self._lists
        self.run.changes[name] = Change(self.release, answered_ms)

    def upload_broken(self) -> None:
        """Uploads features that do not compile."""
        before = self._releases()
        answer = self._api.put("/v1/features", content=BROKEN)
        self.run.refused = before, answer, self._releases()

    def decided(self, count: int, wanted: Callable[[dict], bool] = lambda decision: True) -> None:
        """Waits until the newest release has decided `count` more live payments of the wanted sort."""
        left = [count]

        def enough(fresh: list[dict]) -> bool:
            left[0] -= sum(1 for decision in fresh if decision["release"] == self.release and wanted(decision))
            return left[0] <= 0

        self._until(enough)

    def finish(self) -> Run:
        """Stops the generator, waits for the last decision and reads the events."""
        self._feed.stop()
        self.run.sent = self._feed.sent
        self._until(lambda fresh: not fresh and self._reader.own >= self.run.sent)
        events = arrived(self._stack.settings, self._reader.decisions)
        self.run.decided = self._reader.own
        self.run.live = [event for event in events if event.id >= self._reader.first_id and event.stored_ms >= self._live_ms]
        for event in events:
            if event.id >= self._reader.first_id:
                self.run.in_order.setdefault(event.partition, []).append(self._reader.decisions[event.id]["release"])
        self.run.oracle = OneRelease(events, self._reader.decisions, self.run.releases, self._reader.snapshots)
        return self.run

    def close(self) -> None:
        """Ends what still runs."""
        self._feed.stop()
        self._reader.close()

    def _until(self, reached: Callable[[list[dict]], bool], seconds: float = 300) -> None:
        deadline = time.monotonic() + seconds
        while not reached(self._reader.take()):
            self._stack.keep_running()
            assert time.monotonic() < deadline, f"{self._reader.own} decisions, waiting for more of release {self.release}"

    def _releases(self) -> list[dict]:
        return self._api.get("/v1/releases").json()["releases"]


class Reader:
    """All decisions and snapshots from the oldest on; those of events from `first_id` on are the run's own."""

    def __init__(self, settings: Settings, first_id: int) -> None:
        self.first_id = first_id
        self.own = 0
        self.decisions: dict[int, dict] = {}
        self.snapshots: dict[tuple[str, int], Snapshot] = {}
        self._models = settings.topic("models")
        self._assembly = SnapshotAssembly()
        self._consumer = reader_of(settings, "decisions", "models")

    def take(self) -> list[dict]:
        """The run's own decisions that came since; a second one on the same event is an error."""
        fresh = []
        for message in next_of(self._consumer, 5_000, 0.2):
            assert not message.error(), message.error()
            if message.topic() == self._models and message.value() is None:
                continue  # a snapshot of a definition of long ago was taken off the topic
            if message.topic() == self._models:
                snapshot = self._assembly.take(key_text(message.key()), message.value())
                if snapshot is not None:
                    self.snapshots[snapshot.model, snapshot.sequence] = snapshot
                continue
            decision = msgspec.json.decode(message.value())
            id = int(decision["event_id"])
            if id >= self.first_id:
                assert id not in self.decisions, f"two decisions on {id}"
                fresh.append(decision)
            self.decisions.setdefault(id, decision)
        self.own += len(fresh)
        return fresh

    def close(self) -> None:
        self._consumer.close()


def arrived(settings: Settings, decisions: dict[int, dict]) -> list[Arrived]:
    """The events of the topic that were decided; the others are the generator's bad ones."""
    consumer = reader_of(settings, "events")
    ends = sum(consumer.get_watermark_offsets(place, timeout=30)[1] for place in consumer.assignment())
    found, read = [], 0
    while read < ends:
        for message in next_of(consumer, 5_000, 0.5):
            read += 1
            try:
                event = msgspec.json.decode(message.value())
            except msgspec.DecodeError:
                continue
            if event["payment_id"] in decisions:
                place = message.partition(), message.offset(), message.timestamp()[1]
                minor = round(event["amount"] * 100)
                who = event["customer_id"], event.get("terminal_id", ""), event.get("kind", PURCHASE)
                found.append(Arrived(event["payment_id"], event["at"], *who, minor, *place))
    consumer.close()
    return found


def reader_of(settings: Settings, *topics: str) -> Consumer:
    """Reads all of `topics` from their beginning."""
    rules = {**connection_of(settings), "group.id": "changes", "enable.auto.commit": False, "fetch.wait.max.ms": 50}
    consumer = Consumer(rules)
    names = [settings.topic(topic) for topic in topics]
    partitions = {name: list(consumer.list_topics(name, timeout=30).topics[name].partitions) for name in names}
    consumer.assign([TopicPartition(name, partition, 0) for name in names for partition in partitions[name]])
    return consumer
