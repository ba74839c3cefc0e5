"""A system of `weir up` under a steady stream of payments, and the books that are kept of what it decides. For tests only."""

import contextlib
import pathlib
import threading
import time
from typing import Any, NamedTuple

import httpx
import msgspec
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from score_job_runs import wait_for
from weir_up import WeirUp

from api.auth.token import read_token
from deploy.demo.payments import Town
from deploy.machine.checkpoints import newest_checkpoint
from foundation.settings import Settings
from pipeline.control.kafka import next_of
from pipeline.control.kafka_access import connection_of
from pipeline.sinks.decision_store import open_decisions_reader
from stores.decisions import EventName

ENFORCED_MS = 5_000
"""An event that was sent so long after the answer to an upload is decided by that release, or by a newer one."""
READ_SECONDS_MAX = 60.0
RETRYABLE = (429, 503)
"""What callers are told who are to try again."""
USER = "the-test"


class Made(msgspec.Struct):
    """What is read of a decision."""

    event_id: str
    user: str
    event_time: int
    release: int
    score: float | None
    action: str
    processed_at: int


class Sent(NamedTuple):
    """A payment that the broker has: whose, and when it was made."""

    user: str
    at_ms: int


class FedSystem:
    """Sends payments from a thread of its own from `feed` to `rest`.

    Args:
        up: the running system.
        a_second: payments.
    """

    def __init__(self, settings: Settings, up: WeirUp, a_second: int = 20) -> None:
        self.settings = settings
        self.up = up
        url = f"http://127.0.0.1:{settings.api_port}"
        headers = {"authorization": f"Bearer {read_token(settings)}"}
        self.api = httpx.Client(base_url=url, headers=headers, timeout=240, trust_env=False)
        self.newest = 0
        self.sent: dict[str, Sent] = {}
        self.first: dict[str, Made] = {}
        self.copies = 0
        self._edits = 0
        self._enforced: list[tuple[int, int]] = []
        self._a_second = a_second
        self._town = Town(3, customers=50, terminals=20)
        self._asked = time.time_ns() // 1000
        self._policy = ""
        self._ends: dict[int, int] = {}
        self._feeding = threading.Event()
        self._thread: threading.Thread | None = None

    def feed(self) -> None:
        """Begins to send."""
        self._feeding.set()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def rest(self) -> None:
        """Ends to send, once the broker has all that was sent."""
        self._feeding.clear()
        if self._thread is not None:
            self._thread.join(180)
            assert not self._thread.is_alive(), "payments that the broker does not take"
            self._thread = None

    def close(self) -> None:
        self.rest()
        self.api.close()

    def edit_policy(self) -> int:
        """A new release by a change of the policy, tried until the system takes it; gives its number."""
        self._policy = self._policy or self.api.get("/v1/policy").text
        self._edits += 1
        self.take_in(self._changed("PUT", "/v1/policy", content=f"{self._policy}# edit {self._edits}\n"))
        return self.newest

    def edit_list(self, name: str, entries: list[str]) -> None:
        """Adds entries to a list, which the first edit makes."""
        answer = self._changed("POST", f"/v1/lists/{name}:edit", json={"add": entries})
        if answer.status_code == 404:
            answer = self._changed("PUT", f"/v1/lists/{name}", content="\n".join(entries) + "\n")
        self.take_in(answer)

    def take_in(self, answer: httpx.Response) -> None:
        """Notes which release the answer to a change says is in force from now on."""
        assert answer.status_code == 200, answer.text
        self.newest = max(self.newest, int(answer.json().get("release", 0)))
        self._enforced.append((int(time.time() * 1000), self.newest))

    def _changed(self, method: str, path: str, **body: Any) -> httpx.Response:
        """The first answer that is not to be tried again."""
        found: list[httpx.Response] = []

        def is_taken() -> bool:
            with contextlib.suppress(httpx.TransportError):
                found.append(self.api.request(method, path, **body))
            return bool(found) and found[-1].status_code not in RETRYABLE

        wait_for(is_taken, 120, f"{path} takes nothing")
        assert found[-1].status_code in (200, 404), found[-1].text
        return found[-1]

    def ask(self, deadline_ms: int = 1_000) -> dict[str, Any]:
        """The answer to a payment that is asked about."""
        answer = self.api.post(f"/v1/decisions?deadline_ms={deadline_ms}", json=self.payment())
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def payment(self) -> dict[str, object]:
        """A payment that nobody sends but the test."""
        self._asked += 1
        return {
            "payment_id": self._asked, "at": int(time.time() * 1000), "customer_id": USER, "terminal_id": "t1", "device_id": "d1",
            "amount": 10.5, "currency": "EUR", "merchant_category": "5411",
        }  # fmt: skip

    def ready(self) -> dict[str, Any]:
        """What `/ready` says to who shows a token; nothing while there is no api."""
        try:
            found: dict[str, Any] = self.api.get("/ready").json()
        except httpx.TransportError:
            return {}
        return found

    def wait_until_newest_decides(self, seconds: float = 240.0) -> None:
        """Returns once an answer is a decision by the newest release and `/ready` agrees."""
        answers: list[dict[str, Any]] = []

        def newest_decides() -> bool:
            with contextlib.suppress(httpx.TransportError):
                answers.append(self.ask())
            return bool(answers) and is_scored(answers[-1]) and answers[-1]["release"] == self.newest

        try:
            wait_for(newest_decides, seconds, f"release {self.newest} does not decide")
        except AssertionError:
            print(f"the last answer was {answers[-1:]}, and /ready says {self.ready()}")
            raise

        def is_ready() -> bool:
            said = self.ready()
            return bool(said) and said["status"] == "ready" and said["release"] == self.newest

        wait_for(is_ready, seconds, "not ready with the newest release")

    def count_decisions(self) -> None:
        """Enters what has come on the topic of decisions into the books: the first on each event, and how many copies followed."""
        consumer = Consumer({**connection_of(self.settings), "group.id": "books", "enable.auto.commit": False, "log_level": 2})
        topic = self.settings.topic("decisions")
        ends = {part: consumer.get_watermark_offsets(TopicPartition(topic, part), 30)[1] for part in range(self.settings.partitions)}
        for part, end in ends.items():
            consumer.assign([TopicPartition(topic, part, self._ends.get(part, 0))])
            until = time.monotonic() + READ_SECONDS_MAX
            while self._ends.get(part, 0) < end and time.monotonic() < until:
                for message in next_of(consumer, 2_000, 1.0):
                    self._enter(message)
        consumer.close()

    def _enter(self, message: Message) -> None:
        if message.error() is not None:
            return
        made = msgspec.json.decode(message.value() or b"", type=Made)
        self._ends[message.partition() or 0] = (message.offset() or 0) + 1
        if made.event_id in self.first:
            self.copies += 1
        else:
            self.first[made.event_id] = made

    def check_books(self, seconds: float = 240.0) -> None:
        """Every payment that the broker has is decided, is kept once as it was decided first, and by no release of before."""

        def all_decided() -> bool:
            self.count_decisions()
            return self.sent.keys() <= self.first.keys()

        wait_for(all_decided, seconds, "payments without a decision")
        self._check_releases()
        self._check_store(seconds)

    def _check_releases(self) -> None:
        for id, sent in self.sent.items():
            least = max((release for at_ms, release in self._enforced if at_ms + ENFORCED_MS <= sent.at_ms), default=0)
            made = self.first[id]
            assert made.release >= least, f"payment {id} of {sent.at_ms} was decided by {made.release}, and {least} was in force"

    def _check_store(self, seconds: float) -> None:
        store = open_decisions_reader(self.settings)
        names = [EventName(id) for id in self.sent]
        try:
            wait_for(lambda: len(store.get_many(names)) == len(names), seconds, "decisions that are not kept")
            kept = store.get_many(names)
        finally:
            store.close()
        for name, decisions in kept.items():
            [decision] = decisions
            assert msgspec.json.decode(decision.value, type=Made) == self.first[name.event_id], f"another than the first on {name.event_id}"

    def counted_in_metrics(self) -> int:
        """Decisions on all payments, by the event metrics; -1 while they are not to be had."""
        until_ms = (int(time.time() * 1000) // 60_000 + 2) * 60_000
        answer = self.api.get("/v1/metrics/query", params={"from": until_ms - 6 * 3_600_000, "to": until_ms, "group_by": "action"})
        return sum(group["count"] for group in answer.json()["groups"]) if answer.status_code == 200 else -1

    def checkpoint(self) -> pathlib.Path:
        """The newest whole one of the score job."""
        found = newest_checkpoint(self.settings.path("flink", "checkpoints", "score"))
        assert found is not None
        return found

    def checkpoint_number(self) -> int:
        """Of the newest whole one of the score job; it goes on from run to run."""
        return int(self.checkpoint().name.removeprefix("chk-"))

    def checkpoint_bytes(self) -> int:
        """Of the newest whole one of the score job."""
        return sum(path.stat().st_size for path in self.checkpoint().iterdir())

    def bytes_on_disk(self) -> dict[str, int]:
        """The files of each database, by its name: what was committed last is in its log and not in it."""
        found: dict[str, int] = {}
        for path in sorted(pathlib.Path(self.settings.path()).glob("*.d*b*")):
            found[path.name.partition(".")[0]] = found.get(path.name.partition(".")[0], 0) + path.stat().st_size
        return found

    def _send(self) -> None:
        producer = Producer(
            {**connection_of(self.settings), "acks": "all", "enable.idempotence": True, "message.timeout.ms": 600_000, "log_level": 2}
        )
        while self._feeding.is_set():
            payment = self._town.payment(int(time.time() * 1000))
            sent = Sent(payment.customer_id, payment.at)

            def delivered(error: object, message: Message, id: str = str(payment.payment_id), sent: Sent = sent) -> None:
                if error is None:
                    self.sent[id] = sent

            producer.produce(self.settings.topic("events"), payment.encode(), payment.customer_id, on_delivery=delivered)
            producer.poll(0)
            time.sleep(1 / self._a_second)
        producer.flush(170)


def is_scored(answer: dict[str, Any]) -> bool:
    """Whether it is a decision, and not the fallback in its place."""
    return "degraded" not in answer["flags"]
