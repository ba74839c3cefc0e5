"""What the machine and the broker alone cost: small records to a topic of their own and back, beside whatever else is measured."""

import struct
import threading
import time

import numpy as np
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from pipeline.control.kafka_access import Connection

RATE = 50
_SECONDS_MAX = 30.0
_POLL_SECONDS_MIN = 0.001  # the client counts whole milliseconds
_TIME = struct.Struct("<d")


class Echo:
    """Sends `RATE` records a second from a thread and takes each back; `latencies_ms` grows.

    A latency counts from when its record was due, so that a stall is in the figures of all that it held up, and each record
    carries that time, so that what comes back late is not taken for another.

    Args:
        broker: how to reach it, as `connection_of` gives it.

    Raises:
        RuntimeError: the first record did not come back.
    """

    def __init__(self, broker: Connection) -> None:
        self.latencies_ms: list[float] = []
        self._stopping = threading.Event()
        self._topic = f"weir-bench-echo-{time.time_ns()}"
        self._admin = AdminClient({**broker})
        self._admin.create_topics([NewTopic(self._topic, num_partitions=1, replication_factor=1)])[self._topic].result(_SECONDS_MAX)
        self._producer = Producer({**broker, "linger.ms": 0, "acks": "all"})
        self._consumer = Consumer({**broker, "group.id": self._topic, "enable.auto.commit": False})
        self._consumer.assign([TopicPartition(self._topic, 0, 0)])
        self._connect()
        self._thread = threading.Thread(target=self._run, name="echo", daemon=True)

    def __enter__(self) -> "Echo":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._producer.flush(_SECONDS_MAX)
        self._consumer.close()
        self._admin.delete_topics([self._topic])[self._topic].result(_SECONDS_MAX)

    def taken(self) -> tuple[float, float, float]:
        """p50, p99 and the greatest of what came back since the last call, in ms."""
        latencies, self.latencies_ms = self.latencies_ms, []
        p50, p99, greatest = np.percentile(latencies or [np.nan], [50, 99, 100])
        return float(p50), float(p99), float(greatest)

    def _connect(self) -> None:
        """The broker may say for a moment that it does not know the topic it has just made: the first record is waited for."""
        deadline = time.perf_counter() + _SECONDS_MAX
        self._send(time.perf_counter())
        while not self._take(1.0):
            if time.perf_counter() > deadline:
                raise RuntimeError(f"nothing came back through {self._topic} within {_SECONDS_MAX:g} s")
        self.latencies_ms = []

    def _run(self) -> None:
        due = time.perf_counter()
        while not self._stopping.is_set():
            due += 1 / RATE
            while (left := due - time.perf_counter()) > _POLL_SECONDS_MIN:
                self._take(left)
            time.sleep(max(0.0, due - time.perf_counter()))
            self._send(due)

    def _send(self, due: float) -> None:
        self._producer.produce(self._topic, _TIME.pack(due), partition=0)
        self._producer.poll(0)

    def _take(self, seconds_max: float) -> bool:
        message = self._consumer.poll(seconds_max)
        if message is None or message.error():
            return False
        self.latencies_ms.append((time.perf_counter() - _TIME.unpack(message.value())[0]) * 1000)
        return True
