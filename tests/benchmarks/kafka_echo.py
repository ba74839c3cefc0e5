"""What the machine and the broker alone cost: small records to a topic of their own and back, beside whatever else is measured."""

import threading
import time

import numpy as np
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

TOPIC = "weir-bench-echo"
RATE = 50
_SECONDS_MAX = 30.0


class Echo:
    """Sends `RATE` records a second from a thread and takes each back; `latencies_ms` grows.

    Args:
        bootstrap: host:port of the broker.
    """

    def __init__(self, bootstrap: str) -> None:
        self.latencies_ms: list[float] = []
        self._stopping = threading.Event()
        topic = NewTopic(TOPIC, num_partitions=1, replication_factor=1)
        for future in AdminClient({"bootstrap.servers": bootstrap}).create_topics([topic]).values():
            future.result(_SECONDS_MAX)
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, "acks": "all"})
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "weir-bench-echo", "enable.auto.commit": False})
        self._consumer.assign([TopicPartition(TOPIC, 0, 0)])
        self._thread = threading.Thread(target=self._run, name="echo", daemon=True)

    def __enter__(self) -> "Echo":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._consumer.close()

    def taken(self) -> tuple[float, float]:
        """p50 and p99 of what came back since the last call, in ms."""
        latencies, self.latencies_ms = self.latencies_ms, []
        p50, p99 = np.percentile(latencies or [np.nan], [50, 99])
        return float(p50), float(p99)

    def _run(self) -> None:
        due = time.perf_counter()
        while not self._stopping.is_set():
            due += 1 / RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            sent = time.perf_counter()
            self._producer.produce(TOPIC, b"echo")
            if self._consumer.poll(_SECONDS_MAX) is not None:
                self.latencies_ms.append((time.perf_counter() - sent) * 1000)
            self._producer.poll(0)
