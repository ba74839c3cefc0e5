"""The score job on real servers: topics made, records in, the job submitted and cancelled, decisions out. For tests only."""

import pathlib
import sys
import time
import urllib.parse
from collections.abc import Callable

import msgspec
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from deploy.local.releases import publish
from deploy.local.stack import settings_as_environment
from deploy.local.submission import submit_score_job
from deploy.machine.processes import Process
from deploy.servers.topics import make_topics
from foundation.settings import Settings
from pipeline.control.kafka import next_of
from pipeline.control.kafka_access import connection_of
from pipeline.score_job.flink_job import STAGES
from pipeline.score_job.flink_start import GROUP

START_MS = 1_700_000_000_000
TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [shop]
fields: {amount: {type: decimal, scale: 2, retain: true}}
lateness: 10m
""",
    "features": """
- {name: count_1h, template: count, window: 1h}
- {name: mean_1d, template: mean, value: event.amount, window: 1d}
- {name: shop_count_1h, template: count, entity: shop, window: 1h}
- {name: shop_max_1h, template: max, entity: shop, value: event.amount, window: 1h}
- {name: shop_risk, template: label_rate, entity: shop, window: {length: 1d, delay: 1h}}
""",
    "models": """
- {name: shape, kind: river, model: anomaly.HalfSpaceTrees, scope: global, inputs: [event.amount, feature.count_1h],
   parameters: {window_size: 50, scaling: standard, seed: 7}}
- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 3}}
""",
    "policy": """
score: first_ready(shape, own)
bands: [{below: 0.5, action: approve}, {below: 0.9, action: review}, {action: block}]
fallback: {action: review}
""",
}

Json = dict[str, object]


def prepared(broker: str, flink, folder: pathlib.Path, prefix: str, texts: dict[str, str] = TEXTS, **chosen: object) -> Settings:
    """Settings of a system with topics of its own, `texts` in force if there are any, and checkpoints each second if `chosen` agrees."""
    wanted = {"checkpoint_interval_ms": 1_000} | chosen
    settings = Settings(
        bootstrap=broker,
        topic_prefix=prefix,
        folder=str(folder),
        flink_port=flink.cluster.port,
        flink_keys=str(flink.cluster.keys),
        **wanted,
    )
    make_topics(settings)
    if texts:
        publish(settings, texts)
    (folder / "logs").mkdir()
    return settings


def produce(settings: Settings, topic: str, records: list[tuple[str, bytes]]) -> None:
    """Writes (key, value) records, the partition by the key."""
    producer = Producer({**connection_of(settings), "linger.ms": 5, "queue.buffering.max.messages": 1_000_000})
    for key, value in records:
        producer.produce(settings.topic(topic), value, key)
    assert producer.flush(60) == 0


def produce_events(settings: Settings, events: list[Json]) -> None:
    """Writes events keyed by their users."""
    produce(settings, "events", [(str(event["who"]), msgspec.json.encode(event)) for event in events])


def decisions(settings: Settings, count: int) -> list[Json]:
    """The first `count` decisions, in the order of each partition."""
    consumer = Consumer({**connection_of(settings), "group.id": "test", "enable.auto.commit": False})
    consumer.assign([TopicPartition(settings.topic("decisions"), partition, 0) for partition in range(settings.partitions)])
    read: list[Json] = []
    quiet = 0
    while len(read) < count and quiet < 60:
        messages = next_of(consumer, 5_000, 1.0)
        quiet = 0 if messages else quiet + 1
        read += [msgspec.json.decode(message.value() or b"") for message in messages if not message.error()]
    consumer.close()
    return read


def records(settings: Settings, topic: str) -> list[Message]:
    """All that is on a topic, in the order of each partition."""
    consumer = Consumer({**connection_of(settings), "group.id": "test", "enable.auto.commit": False})
    left = {partition: end for partition, end in enumerate(ends(settings, topic)) if end}
    consumer.assign([TopicPartition(settings.topic(topic), partition, 0) for partition in left])
    read: list[Message] = []
    while left:
        for message in next_of(consumer, 5_000, 1.0):
            assert message.error() is None, message.error()
            read.append(message)
            if message.offset() + 1 >= left.get(message.partition(), 0):
                left.pop(message.partition(), None)
    consumer.close()
    return read


def decided(settings: Settings) -> int:
    """Decisions on the topic so far."""
    return sum(ends(settings, "decisions"))


def ends(settings: Settings, topic: str) -> list[int]:
    """One past the last offset of each partition of a topic."""
    consumer = Consumer({**connection_of(settings), "group.id": "count"})
    name = settings.topic(topic)
    partitions = sorted(consumer.list_topics(name, timeout=30).topics[name].partitions)
    found = [consumer.get_watermark_offsets(TopicPartition(name, partition))[1] for partition in partitions]
    consumer.close()
    return found


def submitted(flink, settings: Settings, checkpoint: pathlib.Path | None = None) -> str:
    """Submits the job as the stack does and gives its id once it runs."""
    environment = flink.cluster.environment() | settings_as_environment(settings)
    return submit_score_job(flink.cluster, settings.path("logs"), environment, checkpoint)


def submitted_in_arrival_mode(flink, settings: Settings, stages: tuple[str, ...] = STAGES) -> str:
    """Submits the job with stages of the test's own choice and gives its id once all of its tasks run."""
    submitting = f"submit(read_settings(), mode='arrival', stages={stages!r})"
    program = f"from pipeline.score_job.flink_job import read_settings, submit; print({submitting})"
    environment = flink.cluster.environment() | settings_as_environment(settings)
    submission = Process("arrival-submission", [sys.executable, "-c", program], environment, settings.path("logs"), pathlib.Path.cwd())
    submission.wait_for_end(120)
    job = submission.last_lines(1).strip()
    wait_for(lambda: all_run(flink, job), 90, f"job {job} does not run")
    return job


def all_run(flink, job: str) -> bool:
    """Whether every task of the job runs."""
    answer = flink.cluster.get(f"/jobs/{job}")
    return bool(answer) and all(vertex["status"] == "RUNNING" for vertex in answer["vertices"])


def restarts(flink, job: str) -> int:
    """How often the job has been started again; metrics are gathered only once somebody asks."""
    place = f"/jobs/{job}/metrics?get=numRestarts"
    wait_for(lambda: bool(flink.cluster.get(place)), 60, "Flink gives no metrics")
    [metric] = flink.cluster.get(place)
    return int(metric["value"])


def saved(flink, job: str, folder: pathlib.Path, goes_on: bool = False) -> pathlib.Path:
    """Writes a savepoint into `folder`, which ends the job unless it goes on, and says where it is."""
    body = msgspec.json.encode({"target-directory": (folder / "savepoints").as_uri(), "cancel-job": not goes_on})
    request = flink.cluster.rest.ask(f"/jobs/{job}/savepoints", 30, "POST", body)["request-id"]

    def state() -> Json:
        return flink.cluster.rest.ask(f"/jobs/{job}/savepoints/{request}", 30)

    wait_for(lambda: state()["status"]["id"] == "COMPLETED", 60, "no savepoint")
    if not goes_on:
        wait_for(lambda: flink.cluster.get(f"/jobs/{job}")["state"] == "CANCELED", 60, "the job does not end")
    return pathlib.Path(urllib.parse.urlparse(state()["operation"]["location"]).path)


def wait_until_taken(settings: Settings, topic: str) -> None:
    """Returns once a checkpoint holds what all records of a topic of one partition did, which is when Flink commits their offsets."""
    end = ends(settings, topic)[0]
    consumer = Consumer({**connection_of(settings), "group.id": GROUP})
    try:
        wait_for(lambda: consumer.committed([TopicPartition(settings.topic(topic), 0)], 30)[0].offset >= end, 60, f"{topic} is not read")
    finally:
        consumer.close()


def cancel(flink, job: str) -> None:
    """Ends the job, so that its slots are the next test's."""
    flink.cluster.rest.ask(f"/jobs/{job}?mode=cancel", 10, "PATCH")
    while flink.cluster.get(f"/jobs/{job}")["state"] not in ("CANCELED", "FAILED"):
        time.sleep(0.2)


PATIENCE = 4
"""How much slower than a quiet machine a busy one may be before a test gives up."""
SECONDS_LEAST = 120.0
"""A test waits at least so long: what takes a moment on a quiet machine may find a busy one in the middle of something else."""


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Returns once `condition()` holds; fails saying `what` after `PATIENCE` times `seconds`, which suffice on a quiet machine."""
    deadline = time.monotonic() + max(SECONDS_LEAST, PATIENCE * seconds)
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
