"""Each store away for ten minutes while payments go on: longer than the patience of clients, consumer groups and jobs."""

import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from full_system import FullSystem
from score_job_runs import decided, produce, wait_for

from deploy.command import SAMPLES
from deploy.commands.up import with_servers
from deploy.demo.payments import Town
from deploy.local.releases import read_folder
from deploy.local.stack import Stack, free_settings
from deploy.servers.store_servers import SERVERS

pytestmark = pytest.mark.deep

OUTAGE_SECONDS = 600.0
PAUSE_SECONDS = 2.0
AT_ONCE = 50
DEADLINE_MS = 5_000
"""Cores are shared with three stores that start again: what is asked is whether an answer waits for a store, not how soon it comes."""
CHOSEN = {"metrics_interval_ms": 5_000, "archive_interval_ms": 5_000, "entity_wait_ms": 2_000}
"""A stage that waits for a core is no outage of a store: entities' answers are waited for longer than usual."""


class Watched(FullSystem):
    """The full system under payments, and how it answered meanwhile."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack)
        self._town = Town(5, customers=400, terminals=40)
        self.ids: list[int] = []
        self.began_ms = int(time.time() * 1000)

    def pay(self) -> None:
        """Some payments to the topic, and one that is asked for over HTTP and answered by the pipeline."""
        answer = self._pay()
        assert answer.status_code == 200, answer.text
        assert "degraded" not in answer.json().get("flags", ["degraded"]), answer.text

    def warm_up(self) -> None:
        """Returns once the pipeline answers within the deadline."""
        wait_for(lambda: "flags" in self._pay().json(), 60, "an answer of the pipeline")

    def _pay(self) -> httpx.Response:
        some = [self._town.payment(int(time.time() * 1000)) for _ in range(AT_ONCE)]
        produce(self.settings, "events", [(payment.customer_id, payment.encode()) for payment in some[1:]])
        answer: httpx.Response = self.api.post(f"/v1/decisions?deadline_ms={DEADLINE_MS}", content=some[0].encode())
        self.ids += [payment.payment_id for payment in some]
        return answer

    def wait_for_all(self, count: Callable[[], int], seconds: float, lack: str) -> None:
        wait_for(lambda: count() == len(self.ids), seconds, lack)

    def in_cassandra(self) -> int:
        return sum(len(self.decisions(self.ids[at : at + 1_000])) for at in range(0, len(self.ids), 1_000))

    def in_druid(self) -> int:
        return sum(self.counted_since(self.began_ms, "action").values())

    def in_archive(self) -> int:
        """Of decisions, each once."""
        return self.rows_archived("decisions")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    settings = with_servers(free_settings(tmp_path_factory.mktemp("outages"), **CHOSEN))
    with Stack(settings, read_folder(SAMPLES / "payments"), print, servers=tuple(SERVERS)) as stack:
        watched = Watched(stack)
        watched.warm_up()
        yield watched
        watched.close()


@pytest.mark.parametrize("server", ["cassandra", "druid", "name-node"])
def test_a_store_may_be_away_for_ten_minutes(watched: Watched, server: str) -> None:
    """Decisions go on, the other stores are served, and all is delivered when it is back."""
    counts: dict[str, Callable[[], int]] = {
        "cassandra": watched.in_cassandra,
        "druid": watched.in_druid,
        "name-node": watched.in_archive,
    }
    watched.stack.process(server).kill()
    until = time.monotonic() + OUTAGE_SECONDS
    while time.monotonic() < until:
        watched.pay()
        time.sleep(PAUSE_SECONDS)
    wait_for(lambda: decided(watched.settings) >= len(watched.ids), 60, "payments without a decision")
    for name in counts.keys() - {server}:
        watched.wait_for_all(counts[name], 120, f"{name} waits for {server}")
    began = time.monotonic()
    watched.stack.keep_running()
    for name in counts:
        watched.wait_for_all(counts[name], 600, f"{name} lacks payments after {server} was away")
    print(f"{server}: {len(watched.ids):,} payments, all delivered {time.monotonic() - began:.0f} s after its start")
