"""The effects job on a real broker: two side by side, each effect once, and alerts in transactions that exclude earlier senders."""

import contextlib
import pathlib
import threading
from collections.abc import Iterator

import msgspec
import pytest
from score_job_runs import wait_for

from deploy.servers.topics import make_topics
from foundation.settings import Settings
from pipeline.control import one_reader
from pipeline.control.kafka import Outbox, producer_of
from pipeline.control.topic_values import values_of
from pipeline.effects import effects_job
from pipeline.effects.effects_job import EffectsJob
from stores.relational.database import Database
from stores.relational.effects import RelationalEffects
from stores.relational.place import place_of

pytestmark = pytest.mark.integration
START_MS = 1_700_000_000_000
SECONDS_MAX = 120


@pytest.fixture
def settings(broker: str, tmp_path: pathlib.Path) -> Settings:
    made = Settings(folder=str(tmp_path), bootstrap=broker, topic_prefix=f"t{abs(hash(tmp_path))}.", partitions=3)
    make_topics(made)
    return made


@pytest.fixture
def store(settings: Settings) -> Iterator[RelationalEffects]:
    with contextlib.closing(Database(place_of(settings))) as database:
        yield RelationalEffects(database)


def send(settings: Settings, numbers: range) -> None:
    """Decisions of which each is matched by a rule with a budget of 50."""
    outbox = Outbox(producer_of(settings))
    for number in numbers:
        budget = {"matches": 50, "per_ms": 3_600_000, "then": "shadow"}
        match = {"pattern": "busy", "version": "v", "action": "review", "shadow": False, "budget": budget}
        own = {"event_id": str(number), "revision": 0, "event_time": START_MS + number, "user": f"u{number % 9}", "action": "review"}
        value = msgspec.json.encode(own | {"release": 1, "decided_by": "review", "matches": [match]})
        outbox.send(settings.topic("decisions"), f"u{number % 9}".encode(), value)
    outbox.flush()


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[EffectsJob]:
    job = effects_job.make(settings)
    thread = threading.Thread(target=job.run)
    thread.start()
    try:
        yield job
    finally:
        job.stop()
        thread.join()


def alerts(settings: Settings) -> list[str]:
    return [msgspec.json.decode(value)["id"] for values in values_of(settings, "alerts") for value in values]


def test_two_jobs_side_by_side_and_one_after_them_write_each_effect_once(
    settings: Settings, store: RelationalEffects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effects_job, "PACE_SECONDS", 0.05)
    monkeypatch.setattr(one_reader, "STAND_BY_SECONDS", 0.5)

    def acted() -> int:
        return sum(total.acted for total in store.totals(9))

    send(settings, range(100))
    with running(settings), running(settings):
        wait_for(lambda: acted() == 100, SECONDS_MAX, "not all decisions were counted")
        send(settings, range(100, 400))
        wait_for(lambda: acted() == 400, SECONDS_MAX, "not all decisions were counted")
    send(settings, range(350, 500))
    with running(settings):
        wait_for(lambda: acted() == 500 and not store.alerts(), SECONDS_MAX, "not all decisions were counted, or an alert waits")
    [trip] = store.trips(["busy"], 9)["busy"]
    assert alerts(settings) == [trip.id]
    assert sum(store.decided(0).values()) == 550
