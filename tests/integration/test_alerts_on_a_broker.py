"""The alerts job on a real broker: decisions, absences and budgets become alerts once, and of two jobs side by side one delivers."""

import contextlib
import functools
import pathlib
import threading
import time
from collections.abc import Iterator

import msgspec
import pytest
from alerts_job_runs import TEXTS, AlertsSystem, run_with_kills
from keeping_receivers import KeepingReceiver
from score_job_runs import wait_for

from alerts.webhooks import delivery_line
from alerts.webhooks.signing import new_secret
from deploy.servers.topics import make_topics
from foundation.content_hash import content_hash
from foundation.settings import Settings
from pipeline.alerting import alerts_job, delivering
from pipeline.control import one_reader
from pipeline.control.kafka import Outbox, producer_of
from pipeline.control.known_releases import DEFINITION, ReleaseRecord, release_key
from stores.casework.webhooks import StoredWebhook, WebhookWish
from stores.relational.casework.alerts import RelationalAlerts
from stores.relational.casework.deliveries import RelationalDeliveries
from stores.relational.casework.webhooks import RelationalWebhooks
from stores.relational.database import Database
from stores.relational.place import place_of

pytestmark = pytest.mark.integration
SECONDS_MAX = 180


@pytest.fixture
def settings(broker: str, tmp_path: pathlib.Path) -> Settings:
    where = {"bootstrap": broker, "topic_prefix": f"a{abs(hash(tmp_path))}.", "partitions": 3}
    made = Settings(folder=str(tmp_path), webhook_networks="127.0.0.0/8", webhook_plain="accept", **where)  # type: ignore[arg-type]
    make_topics(made)
    return made


def publish(settings: Settings) -> None:
    outbox = Outbox(producer_of(settings))
    parts = {part: content_hash(text) for part, text in TEXTS.items()}
    for part, text in TEXTS.items():
        outbox.send(settings.topic("control"), (DEFINITION + parts[part]).encode(), text.encode())
    outbox.send(settings.topic("control"), release_key(1).encode(), msgspec.json.encode(ReleaseRecord(1, parts, 1)))
    outbox.flush()


def tell(settings: Settings, numbers: range) -> None:
    """Decisions of as many customers; and with each hundredth an absence and a budget, each twice."""
    outbox, now_ms = Outbox(producer_of(settings)), time.time_ns() // 1_000_000
    for number in numbers:
        user = f"c{number}"
        own = {"event_id": str(number), "revision": 0, "event_time": now_ms, "processed_at": now_ms, "user": user, "action": "block"}
        value = msgspec.json.encode(own | {"score": 0.9, "entities": {}, "reasons": ["why"], "matches": []})
        outbox.send(settings.topic("decisions"), user.encode(), value)
        if number % 100 == 0:
            said = {"id": str(number), "pattern": f"rule_{number}", "event_time": now_ms, "reason": "why"}
            absence = said | {"type": "absence", "severity": "low", "shadow": False, "entity": {"kind": "device", "id": "d"}}
            for record in (absence, said | {"type": "budget"}) * 2:
                outbox.send(settings.topic("alerts"), b"k", msgspec.json.encode(record))
    outbox.flush()


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[alerts_job.AlertsJob]:
    job = alerts_job.make(settings)
    thread = threading.Thread(target=job.run)
    thread.start()
    try:
        yield job
    finally:
        job.stop()
        thread.join()


def test_two_jobs_on_a_broker_make_each_alert_once_and_tell_it_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_reader, "STAND_BY_SECONDS", 0.5)
    # So long that a lease is given up and never lost: a job that stood still on a busy machine would be followed by one that tells again.
    monkeypatch.setattr(alerts_job, "Delivering", functools.partial(delivering.Delivering, lease_s=600))
    # So long that a receiver which is slow on a busy machine still answers what was sent to it before its sender ends.
    monkeypatch.setattr(delivery_line, "ENDING_S_MAX", 15.0)
    publish(settings)
    with contextlib.closing(Database(place_of(settings))) as database, KeepingReceiver() as receiver:
        alerts, deliveries = RelationalAlerts(database), RelationalDeliveries(database)
        wish = WebhookWish(url=receiver.url, types=("alert.opened",))
        made = StoredWebhook(id="w", wish=wish, keys=(new_secret(),), version=1, by="ana", made_at_ms=0, changed_at_ms=0)
        RelationalWebhooks(database).add(made)

        def opened() -> dict[str, int]:
            found = alerts.page((), (), None, None, 10_000)
            return {name: sum(one.name == name for one in found) for name in ("blocked", "absence", "budget_exceeded")}

        with running(settings):
            tell(settings, range(300))
            wait_for(lambda: opened() == {"blocked": 300, "absence": 3, "budget_exceeded": 3}, SECONDS_MAX, "alerts of one job")
            with running(settings):
                tell(settings, range(300, 600))
                wait_for(lambda: opened() == {"blocked": 600, "absence": 6, "budget_exceeded": 6}, SECONDS_MAX, "alerts of two jobs")
        with running(settings):
            tell(settings, range(600, 700))
            wait_for(lambda: opened() == {"blocked": 700, "absence": 7, "budget_exceeded": 7}, SECONDS_MAX, "alerts of a later job")
            wait_for(lambda: not deliveries.pending(), SECONDS_MAX, "deliveries")
        assert sum(one.events for one in alerts.page((), (), None, None, 10_000)) == 714
        assert (len(receiver.taken), receiver.requests) == (714, 714)


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.deep)])
def test_whichever_job_on_a_broker_is_killed_each_event_is_told_once_and_in_order(broker: str, tmp_path: pathlib.Path, kills: int) -> None:
    with contextlib.closing(AlertsSystem(tmp_path, broker=broker)) as system:
        run_with_kills(system, 2, kills)
