"""Runs of the alerts job in processes of their own, on a log or a broker to which decisions come all the time. For tests only."""

import json
import os
import pathlib
import random
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from keeping_receivers import KeepingReceiver

from alerts.webhooks.signing import new_secret
from deploy.machine.processes import Process
from deploy.servers.topics import make_topics
from foundation.content_hash import content_hash
from foundation.settings import Settings
from pipeline.control.kafka import Outbox, producer_of
from pipeline.control.known_releases import DEFINITION, ReleaseRecord, release_key
from pipeline.log.frame import Entry
from pipeline.log.log_folder import INPUT, LOGS, OUTPUT, close_writers, writer_of
from stores.casework.alerts import Alert
from stores.casework.deliveries import Message
from stores.casework.webhooks import StoredWebhook, WebhookWish
from stores.relational.casework.alerts import RelationalAlerts
from stores.relational.casework.deliveries import RelationalDeliveries
from stores.relational.casework.webhooks import RelationalWebhooks
from stores.relational.database import Database
from stores.relational.place import place_of

PROGRAM = pathlib.Path(__file__).with_name("killed_alerts.py")
PROJECT = PROGRAM.parents[2]
CUSTOMERS = 20
TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: customer\nentities: [device]\n"
    "fields:\n  amount: {type: decimal, retain: true}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n",
    "policy": "score: first_ready(own)\nbands: [{action: approve}]\nfallback: {action: approve}\n",
    "alerts": "- {name: blocked, when: {actions: [block]}, group_by: [customer], window: 1s, resolve_after: 2s, "
    "limit: {alerts: 100000, per: 1h}}\n",
}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def decision(number: int) -> bytes:
    own = {"event_id": str(number), "revision": 0, "event_time": now_ms(), "processed_at": now_ms(), "user": f"c{number % CUSTOMERS}"}
    own |= {"action": "block", "score": 0.9, "entities": {"device": "d"}, "reasons": ["why"], "matches": []}
    return msgspec.json.encode(own | {"release": 1, "decided_by": "block", "rules": [], "flags": [], "latency_ms": 1.0})


class AlertsSystem:
    """A log whose decisions come all the time, the stores of what follows, and the processes that run the job.

    Args:
        folder: for the log, and for the database unless there is another.
        database_url_file: names the database; a file in the folder if it is empty.
        broker: where to connect to a broker that is used in place of the log; empty for the log.
        runs: ``alone``, or ``beside`` all other side jobs, of which there is one process at a time.
        records_at_once: taken in one transaction at most; few of them make many moments at which a process can be killed.
    """

    def __init__(
        self, folder: pathlib.Path, database_url_file: str = "", runs: str = "alone", records_at_once: int = 25, broker: str = ""
    ) -> None:
        where = {"bootstrap": broker, "topic_prefix": f"{folder.name}.", "partitions": 3} if broker else {"runtime": "solo"}
        own: dict[str, Any] = {"folder": str(folder), "database_url_file": database_url_file} | where
        self._how = (json.dumps(own), runs, str(records_at_once))
        self.settings = Settings(**own)
        self.database = Database(place_of(self.settings))
        self.alerts, self.deliveries = RelationalAlerts(self.database), RelationalDeliveries(self.database)
        self.processes: list[Process] = []
        self.count = 0
        self._stopping = threading.Event()
        self._feed = threading.Thread(target=self._decide)
        parts = {part: content_hash(text) for part, text in TEXTS.items()}
        if broker:
            make_topics(self.settings)
        self._outbox = Outbox(producer_of(self.settings)) if broker else None
        definitions = [((DEFINITION + parts[part]).encode(), text.encode()) for part, text in TEXTS.items()]
        self._send("control", [*definitions, (release_key(1).encode(), msgspec.json.encode(ReleaseRecord(1, parts, now_ms())))])

    def begin(self) -> None:
        self._feed.start()

    def end(self) -> None:
        """Ends the flow of decisions."""
        self._stopping.set()
        self._feed.join()

    def add_webhook(self, id: str, url: str) -> None:
        wish = WebhookWish(url=url)
        made = StoredWebhook(id=id, wish=wish, keys=(new_secret(),), version=1, by="ana", made_at_ms=0, changed_at_ms=0)
        RelationalWebhooks(self.database).add(made)

    def start(self) -> None:
        environment = os.environ | {"PYTHONPATH": str(PROJECT)}
        command = [sys.executable, str(PROGRAM), *self._how]
        self.processes.append(Process("alerts", command, environment, self.settings.path(), PROJECT))

    def kill(self, at: int) -> None:
        process = self.processes.pop(at)
        assert process.running(), process.last_lines()
        process.kill()

    def close(self) -> None:
        self.end()
        for process in self.processes:
            process.kill()
        self.database.close()
        close_writers(self.settings.path(*LOGS))

    def read(self) -> int:
        return sum(self.alerts.positions().values())

    def all_alerts(self) -> list[Alert]:
        return self.alerts.page((), (), None, None, 100_000)

    def messages(self, webhook: str) -> list[Message]:
        return [one.message for one in reversed(self.deliveries.page(webhook, (), None, 100_000))]

    def is_done(self) -> bool:
        """Whether all decisions are counted, all alerts over, and all messages delivered."""
        if self.alerts.firing() or self.deliveries.pending():  # asked first, since all alerts are many
            return False
        return sum(alert.events for alert in self.all_alerts()) == self.count

    def left(self) -> str:
        """Says what is not done."""
        counted = sum(alert.events for alert in self.all_alerts())
        firing, pending = len(self.alerts.firing()), self.deliveries.pending()
        where = self.alerts.positions()
        return f"{counted:,} of {self.count:,} decisions counted, {firing} alerts fire, messages wait: {pending}, positions {where}"

    def _decide(self) -> None:
        while not self._stopping.wait(0.02):
            numbers = range(self.count, self.count + 5)
            self._send("decisions", [(f"c{number % CUSTOMERS}".encode(), decision(number)) for number in numbers])
            self.count = numbers.stop

    def _send(self, topic: str, records: Sequence[tuple[bytes, bytes]]) -> None:
        """Appends records; they are there for good when it returns."""
        if self._outbox is None:
            log = INPUT if topic == "control" else OUTPUT
            writer_of(self.settings.path(*LOGS), log).append([Entry(topic, key, value) for key, value in records])
            return
        for key, value in records:
            self._outbox.send(self.settings.topic(topic), key, value)
        self._outbox.flush()


def until(condition: Callable[[], object], seconds: float = 120, left: Callable[[], str] = lambda: "") -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, left()
        time.sleep(0.05)


def in_order_of_keys(messages: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """The ids of messages, given as (key, id), by key."""
    found: dict[str, list[str]] = defaultdict(list)
    for key, id in messages:
        found[key].append(id)
    return found


def run_with_kills(system: AlertsSystem, processes: int, kills: int) -> None:
    """Kills one of `processes` after the other, at moments by chance, while decisions come and receivers fail."""
    chances = random.Random(kills)

    def fails() -> str:
        return chances.choice(["", "", "", "", "", "", "", "500", "cut", "late", "302"])

    with KeepingReceiver(fails) as one, KeepingReceiver(fails) as two:
        receivers = (one, two)
        for number, receiver in enumerate(receivers):
            system.add_webhook(f"w{number}", receiver.url)
        system.begin()
        for _ in range(processes):
            system.start()
        for _ in range(kills):
            before, handled = system.read(), len(one.taken) + len(two.taken)
            until(lambda before=before, handled=handled: system.read() > before and len(one.taken) + len(two.taken) > handled)  # type: ignore[misc]
            time.sleep(chances.random() * 1.5)  # it is killed at a moment that nobody chose
            system.kill(chances.randrange(processes))
            system.start()
        system.end()
        until(system.is_done, 300, system.left)
        check_whole(system, receivers)
        assert one.requests + two.requests > len(one.taken) + len(two.taken)


def check_whole(system: AlertsSystem, receivers: Sequence[KeepingReceiver]) -> None:
    """Checks that each decision counts once, and that each receiver has handled each message once, in the order of its key."""
    alerts = {alert.id: alert for alert in system.all_alerts()}
    assert sum(alert.events for alert in alerts.values()) == system.count
    for number, receiver in enumerate(receivers):
        written = system.messages(f"w{number}")
        key_of = {message.id: message.key for message in written}
        assert {one.state for one in system.deliveries.page(f"w{number}", (), None, 100_000)} == {"delivered"}
        assert len(receiver.taken) == len(written)
        assert in_order_of_keys([(key_of[id], id) for id, _ in receiver.taken]) == in_order_of_keys(
            [(message.key, message.id) for message in written]
        )
        told: dict[str, list[dict[str, object]]] = defaultdict(list)
        for _, body in receiver.taken:
            message = json.loads(body)
            told[message["data"]["id"]].append(message)
        assert told.keys() == alerts.keys()
        for id, messages in told.items():
            assert [messages[0]["type"], messages[-1]["type"]] == ["alert.opened", "alert.resolved"]
            assert messages[-1]["data"]["events"] == alerts[id].events  # type: ignore[index]
