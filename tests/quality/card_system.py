"""Kafka, Flink, the score job, the deliver job and the api over a backlog of card payments. For tests only."""

import pathlib
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec
from confluent_kafka import Consumer, TopicPartition
from score_job_runs import decided, ends, records, submitted, wait_for

from deploy.local.releases import publish
from deploy.local.stack import free_settings, settings_as_environment
from deploy.machine.jars import PROJECT
from deploy.machine.ports import free_ports
from deploy.machine.processes import Process, Processes
from deploy.servers.broker import start_broker
from deploy.servers.cluster import Cluster
from deploy.servers.topics import make_topics
from foundation.settings import Settings
from pipeline.control.kafka import Outbox, producer_of
from pipeline.control.kafka_access import connection_of

TOKEN = "token-of-the-card-payments"
HEAP_MB = 4_096
"""Of each TaskManager: while labels are read, all events wait in its state, and all labels in the profiles."""
SECONDS_MAX = 1_800.0


@dataclass
class CardSystem:
    """Everything on free ports in `folder`, which is emptied of data at the end; logs stay.

    Args:
        parallelism: of the score job; a TaskManager each.
        took: seconds by step.
    """

    folder: pathlib.Path
    texts: dict[str, str]
    parallelism: int
    took: dict[str, float] = field(default_factory=dict)

    def __enter__(self) -> "CardSystem":
        self.settings = free_settings(self.folder, parallelism=self.parallelism)
        self.logs = self.settings.path("logs")
        self.cluster = Cluster(self.settings.path("flink"), self.logs, self.settings.flink_port, task_heap_mb=HEAP_MB)
        self.processes = Processes()
        try:
            port = int(self.settings.bootstrap.rpartition(":")[2])
            self.processes.add(start_broker(self.settings.path("kafka"), self.logs, port, free_ports(1)[0]))
            make_topics(self.settings)
            publish(self.settings, self.texts)
            self.processes.add(self.cluster.start_job_manager())
            for number in range(1, self.parallelism + 1):
                self.processes.add(self.cluster.start_task_manager(number))
        except BaseException:
            self.processes.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.processes.stop()
        for name in ("kafka", "flink"):
            shutil.rmtree(self.settings.path(name), ignore_errors=True)
        for file in self.folder.glob("decisions.db*"):
            file.unlink()

    def produce(self, topic: str, records: Iterable[tuple[str, bytes]]) -> None:
        """Writes (key, value) records and notes how long it took."""
        began = time.monotonic()
        produce(self.settings, topic, records)
        self.took[f"{topic} produced"] = time.monotonic() - began

    def decide_all(self, count: int) -> None:
        """Starts the deliver job, the api and the score job; returns once `count` events are decided and their decisions delivered."""
        environment = self.cluster.environment() | settings_as_environment(self.settings) | {"WEIR_TOKEN": TOKEN}
        for name, module in (("deliver", "pipeline.sinks.deliver_job"), ("api", "api.server")):
            self.processes.add(Process(name, [sys.executable, "-m", module], environment, self.logs, PROJECT))
        wait_for(self._api_answers, 60, "the api does not answer")
        began = time.monotonic()
        self.job = submitted(self, self.settings)
        self.took["submission"] = time.monotonic() - began
        wait_for(lambda: decided(self.settings) >= count, SECONDS_MAX, "events without a decision")
        self.took["decided, submission included"] = time.monotonic() - began
        wait_for(lambda: delivered(self.settings) == decided(self.settings), SECONDS_MAX, "decisions not delivered")
        self.took["delivered, submission included"] = time.monotonic() - began

    def _api_answers(self) -> bool:
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.settings.api_port}/health", timeout=2).status == 200
        except (urllib.error.URLError, OSError):
            return False


def delivered(settings: Settings) -> int:
    """Decisions that the deliver job has written: it commits what it has written."""
    consumer = Consumer({**connection_of(settings), "group.id": f"{settings.topic_prefix}deliver"})
    places = [TopicPartition(settings.topic("decisions"), partition) for partition in range(settings.partitions)]
    committed = sum(max(place.offset, 0) for place in consumer.committed(places, timeout=30))
    consumer.close()
    return committed


def produce(settings: Settings, topic: str, records: Iterable[tuple[str, bytes]]) -> None:
    """Writes (key, value) records, as many as there are."""
    outbox, name = Outbox(producer_of(settings, **{"linger.ms": 20, "log_level": 3})), settings.topic(topic)
    for key, value in records:
        outbox.send(name, key.encode(), value)
    outbox.flush()


def check_of_one_catch_up(settings: Settings, count: int) -> None:
    """One run of the score job began behind, in event_time mode, and has decided `count` events; nothing was refused."""
    control = records(msgspec.structs.replace(settings, partitions=1), "control")
    [behind] = [m.value() for m in control if m.key().startswith(b"mode:") and m.key().count(b":") == 1]
    assert msgspec.json.decode(behind) == list(range(settings.partitions))
    assert sum(ends(settings, "decisions")) == count
    assert sum(ends(settings, "dead-letters")) == sum(ends(settings, "late")) == 0
