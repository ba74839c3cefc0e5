"""What the machine and the broker alone cost: small records to a topic of their own and back, beside whatever else is measured."""

import contextlib
import struct
import threading
import time

import numpy as np
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

TOPIC = "weir-bench-echo"
RATE = 50
_SECONDS_MAX = 30.0
_TIME = struct.Struct("<d")


class Echo:
    """Sends `RATE` records a second from a thread and takes each back; `latencies_ms` grows.

    A latency counts from when its record was due, so that a stall is in the figures of all that it held up, and each record
    carries that time, so that what comes back late is not taken for another.

    Args:
        bootstrap: host:port of the broker.

    Raises:
        RuntimeError: the first record did not come back.
    """

    def __init__(self, bootstrap: str) -> None:
        self.latencies_ms: list[float] = []
        self._stopping = threading.Event()
        topic = NewTopic(TOPIC, num_partitions=1, replication_factor=1)
        for future in AdminClient({"bootstrap.servers": bootstrap}).create_topics([topic]).values():
            with contextlib.suppress(KafkaException):  # there already, from a run before; all else shows at the first record
                future.result(_SECONDS_MAX)
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, "acks": "all"})
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "weir-bench-echo", "enable.auto.commit": False})
        end = self._consumer.get_watermark_offsets(TopicPartition(TOPIC, 0), _SECONDS_MAX)[1]
        self._consumer.assign([TopicPartition(TOPIC, 0, end)])
        self._round_trip(time.perf_counter())  # connects
        if not self.latencies_ms:
            raise RuntimeError(f"nothing came back through {TOPIC} within {_SECONDS_MAX:g} s")
        self.latencies_ms = []
        self._thread = threading.Thread(target=self._run, name="echo", daemon=True)

    def __enter__(self) -> "Echo":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._consumer.close()

    def taken(self) -> tuple[float, float, float]:
        """p50, p99 and the greatest of what came back since the last call, in ms."""
        latencies, self.latencies_ms = self.latencies_ms, []
        p50, p99, greatest = np.percentile(latencies or [np.nan], [50, 99, 100])
        return float(p50), float(p99), float(greatest)

    def _run(self) -> None:
        due = time.perf_counter()
        while not self._stopping.is_set():
            due += 1 / RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            self._round_trip(due)

    def _round_trip(self, due: float) -> None:
        self._producer.produce(TOPIC, _TIME.pack(due))
        message = self._consumer.poll(_SECONDS_MAX)
        if message is not None and not message.error():
            self.latencies_ms.append((time.perf_counter() - _TIME.unpack(message.value())[0]) * 1000)
        self._producer.poll(0)
