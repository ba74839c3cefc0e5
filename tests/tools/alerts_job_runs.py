"""Runs of the alerts job in processes of their own, on a log whose decisions come all the time. For tests only."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

import msgspec
from keeping_receivers import KeepingReceiver

from alerts.webhooks.signing import new_secret
from foundation.content_hash import content_hash
from foundation.settings import Settings
from pipeline.control.known_releases import DEFINITION, ReleaseRecord, release_key
from pipeline.log.frame import Entry
from pipeline.log.log_folder import INPUT, LOGS, OUTPUT, close_writers, writer_of
from stores.alerts import Alert
from stores.deliveries import Message
from stores.relational.alerts import RelationalAlerts
from stores.relational.database import Database
from stores.relational.deliveries import RelationalDeliveries
from stores.relational.place import place_of
from stores.relational.webhooks import RelationalWebhooks
from stores.webhooks import StoredWebhook, WebhookWish

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
        runs: ``alone``, or ``beside`` all other side jobs, of which there is one process at a time.
    """

    def __init__(self, folder: pathlib.Path, database_url_file: str = "", runs: str = "alone") -> None:
        self._runs = runs
        self.settings = Settings(runtime="solo", folder=str(folder), database_url_file=database_url_file)
        self.database = Database(place_of(self.settings))
        self.alerts, self.deliveries = RelationalAlerts(self.database), RelationalDeliveries(self.database)
        self.processes: list[subprocess.Popen[bytes]] = []
        self.count = 0
        self._stopping = threading.Event()
        self._feed = threading.Thread(target=self._decide)
        parts = {part: content_hash(text) for part, text in TEXTS.items()}
        entries = [Entry("control", (DEFINITION + parts[part]).encode(), text.encode()) for part, text in TEXTS.items()]
        entries.append(Entry("control", release_key(1).encode(), msgspec.json.encode(ReleaseRecord(1, parts, now_ms()))))
        writer_of(self.settings.path(*LOGS), INPUT).append(entries)

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
        with pathlib.Path(self.settings.folder, "alerts.log").open("ab") as log:
            arguments = [sys.executable, str(PROGRAM), self.settings.folder, self.settings.database_url_file, self._runs]
            self.processes.append(subprocess.Popen(arguments, env=environment, stderr=log, stdout=log))

    def kill(self, at: int) -> None:
        process = self.processes.pop(at)
        assert process.poll() is None, pathlib.Path(self.settings.folder, "alerts.log").read_text()[-3_000:]
        process.send_signal(signal.SIGKILL)
        process.wait()

    def close(self) -> None:
        self.end()
        for process in self.processes:
            process.kill()
            process.wait()
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
        is_read = self.alerts.positions().get("weir.decisions/0") == writer_of(self.settings.path(*LOGS), OUTPUT).end
        return is_read and not self.alerts.firing() and not self.deliveries.pending()

    def _decide(self) -> None:
        writer = writer_of(self.settings.path(*LOGS), OUTPUT)
        while not self._stopping.wait(0.02):
            numbers = range(self.count, self.count + 5)
            writer.append([Entry("decisions", f"c{number % CUSTOMERS}".encode(), decision(number)) for number in numbers])
            self.count = numbers.stop


def until(condition: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def in_order_of_keys(messages: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """The ids of messages, given as (key, id), by key."""
    found: dict[str, list[str]] = defaultdict(list)
    for key, id in messages:
        found[key].append(id)
    return found


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
