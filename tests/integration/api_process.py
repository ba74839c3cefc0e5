"""The API as a process on a real broker, with a thread in place of the score job."""

import pathlib
import sys
import threading
import time

import forked_programs
import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition

from deploy.command import SAMPLES
from deploy.local.releases import read_folder
from deploy.local.stack import answers, settings_as_environment
from deploy.machine.processes import Process
from foundation.settings import Settings
from patterns.lists import declared
from pipeline.control.kafka_access import connection_of

TOKEN = "token-of-the-integration-test"
TEXTS = declared(read_folder(SAMPLES / "payments"))
"""Without entries of lists, which a release would carry over."""


class Echo:
    """Answers each event that wants a reply, after `delay` seconds; `muted` answers none."""

    def __init__(self, settings: Settings) -> None:
        self.muted = False
        self.seen: list[bytes] = []
        self._settings = settings
        self._consumer = Consumer({**connection_of(settings), "group.id": "echo", "enable.auto.commit": False})
        self._consumer.assign([TopicPartition(settings.topic("events"), number, 0) for number in range(settings.partitions)])
        self._producer = Producer({**connection_of(settings), "linger.ms": 0})
        self._stopping = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._thread.join()
        self._consumer.close()
        self._producer.flush(5)

    def _run(self) -> None:
        while not self._stopping:
            message = self._consumer.poll(0.05)
            if message is None or message.error():
                continue
            self.seen.append(message.value())
            headers = dict(message.headers() or [])
            if "weir-reply" in headers and not self.muted:
                id = str(msgspec.json.decode(message.value())["payment_id"])
                reply = {"event_id": id, "revision": 0, "score": 0.5, "action": "review", "reasons": [], "flags": [], "release": 1}
                self._producer.produce(self._settings.topic("replies"), msgspec.json.encode(reply), headers["weir-reply"])
            self._producer.poll(0)


def start_api(settings: Settings, token: str = TOKEN, name: str = "api") -> Process:
    """The API as a process of its own, once it answers; without a token it takes that of its token file."""
    environment = settings_as_environment(settings) | {"WEIR_TOKEN": token}
    process = Process(name, [sys.executable, forked_programs.API], environment, settings.path("logs"), pathlib.Path.cwd())
    process.wait_until(lambda: answers(settings.api_address(), "/health"), 240, "an answer")
    return process


def payment(id: int) -> dict[str, object]:
    """A payment of the sample configuration, now."""
    return {
        "payment_id": id, "at": int(time.time() * 1000), "customer_id": f"c{id % 7}", "terminal_id": "t1", "device_id": "d1",
        "amount": 10.5, "currency": "EUR", "merchant_category": "5411",
    }  # fmt: skip
