"""Jobs that deliver on real servers: decisions made up and written as the score job does, what comes of them read back."""

import pathlib
import random
import sys

import msgspec
from confluent_kafka import Consumer, TopicPartition
from score_job_runs import START_MS, Json, all_run, wait_for

from deploy.local.stack import settings_as_environment
from deploy.machine.processes import Process
from foundation.settings import Settings
from pipeline.control.kafka import next_of
from pipeline.control.kafka_access import connection_of
from stores.metrics.metric_rows import MetricRow

CATEGORIES = ("grocery", "fuel", "")


def decision(id: int, revision: int = 0) -> Json:
    """Decision `id`: 20 a second of event time, each hundredth from an hour before; what is drawn depends on the id alone."""
    drawn = random.Random(f"{id} {revision}")
    score = None if id % 50 == 0 else drawn.random()
    return {
        "event_id": f"e{id}",
        "revision": revision,
        "event_time": START_MS + 50 * id - (3_600_000 if id % 100 == 7 else 0),
        "user": f"u{id * 7919 % 500}",
        "entities": {},
        "score": score,
        "action": "approve" if score is None or score < 0.9 else "review",
        "reasons": [],
        "contributions": {},
        "matches": [{"pattern": "testing", "version": 3, "shadow": False, "action": "review"}] if id % 97 == 0 else [],
        "event": {"amount": float(id % 1_000)},
        "dimensions": {"category": CATEGORIES[id % 3]},
        "features": {"count_1h": float(id % 7), "mean_1d": None},
        "models": {},
        "release": 1,
        "flags": ["late"] if id % 100 == 7 else [],
        "processed_at": START_MS,
        "latency_ms": float(id % 11),
    }


def as_records(decisions: list[Json]) -> list[tuple[str, bytes]]:
    """Keyed by the user, as the score job writes them."""
    return [(str(each["user"]), msgspec.json.encode(each)) for each in decisions]


def submitted(flink, settings: Settings, job: str, checkpoint: pathlib.Path | None = None) -> str:
    """Submits one of the jobs that deliver and gives its id once all of its tasks run."""
    program = (
        "import pathlib; from pipeline.sinks.deliver_jobs import JOBS; from pipeline.sinks.deliver_graph import submit;"
        "from foundation.settings import read_settings; settings = read_settings();"
        f"checkpoint = pathlib.Path({str(checkpoint)!r}) if {checkpoint is not None} else None;"
        f"print(submit(settings, {job!r}, settings.{job}_interval_ms, checkpoint, JOBS[{job!r}]))"
    )
    environment = flink.cluster.environment() | settings_as_environment(settings)
    submission = Process(f"{job}-submission", [sys.executable, "-c", program], environment, settings.path("logs"), pathlib.Path.cwd())
    submission.wait_for_end(120)
    id = submission.last_lines(1).strip()
    wait_for(lambda: all_run(flink, id), 90, f"job {id} does not run")
    return id


def committed_rows(settings: Settings) -> list[MetricRow]:
    """All rows of event metrics that are committed now."""
    rules = {**connection_of(settings), "group.id": "rows", "isolation.level": "read_committed"}
    consumer = Consumer(rules | {"enable.auto.commit": False, "enable.partition.eof": True})
    left = set(range(settings.partitions))
    consumer.assign([TopicPartition(settings.topic("metrics"), partition, 0) for partition in left])
    rows: list[MetricRow] = []
    while left:
        for message in next_of(consumer, 1_000, 1.0):
            if message.error():
                left.discard(message.partition())
            else:
                rows.append(msgspec.json.decode(message.value(), type=MetricRow))
    consumer.close()
    return rows
