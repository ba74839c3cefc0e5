"""The whole system with every store a server of its own: each is told of every event once, and none is needed for a decision."""

import collections
import os
import pathlib
import time
from collections.abc import Callable, Iterator

import pyarrow.parquet
import pytest
from another_user import OPENINGS, answers_to, as_another_user, log_in_to_postgresql, use_hdfs
from full_system import FullSystem
from listening import is_of_this_machine_alone, listening
from score_job_runs import decided, produce, wait_for
from servers_of_a_test import UNHURRIED_MS

from deploy.command import SAMPLES
from deploy.commands.up import with_servers
from deploy.demo.payments import Payment, Town
from deploy.local.releases import read_folder
from deploy.local.stack import Stack, free_settings
from deploy.servers.store_servers import SERVERS
from pipeline.replay.replay_command import replay_files

pytestmark = pytest.mark.full_profile

MODELS = (
    "- {name: own_amount, kind: river, model: anomaly.GaussianScorer, parameters: {grace_period: 5}, scope: user, inputs: [event.amount]}\n"
)
POLICY = "score: first_ready(own_amount)\nbands: [{below: 0.9, action: approve}, {action: review}]\nfallback: {action: approve}\n"
"""What a user's score depends on is in the order of the user's own events, so that replay says the same."""
PAYMENTS = 2_000


class Full(FullSystem):
    """A system, and all payments that it was sent."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack)
        self.sent: list[Payment] = []
        self._town = Town(3, customers=60, terminals=12)

    def send(self, count: int) -> None:
        """Payments of now, to the topic."""
        some = [self._town.payment(int(time.time() * 1000)) for _ in range(count)]
        self.sent += some
        produce(self.settings, "events", [(payment.customer_id, payment.encode()) for payment in some])
        wait_for(lambda: decided(self.settings) >= len(self.sent), 60, "payments without a decision")

    def scores(self) -> dict[str, float | None]:
        """What Cassandra holds of each payment."""
        found = self.decisions([payment.payment_id for payment in self.sent])
        return {event_id: decision.score for event_id, decision in found.items()}

    def by_category(self) -> collections.Counter[str]:
        """What Druid holds, by category."""
        return self.counted_since(min(payment.at for payment in self.sent), "event.merchant_category")

    def is_everywhere(self) -> bool:
        archived = self.rows_archived("events") == self.rows_archived("decisions") == len(self.sent)
        return archived and sum(self.by_category().values()) == len(self.sent)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Full]:
    chosen = {"checkpoint_interval_ms": 2_000, "metrics_interval_ms": 2_000, "archive_interval_ms": 2_000, "entity_wait_ms": UNHURRIED_MS}
    settings = with_servers(free_settings(tmp_path_factory.mktemp("full"), **chosen))
    texts = read_folder(SAMPLES / "payments") | {"models": MODELS, "policy": POLICY}
    with Stack(settings, texts, print, servers=tuple(SERVERS)) as stack:
        full = Full(stack)
        full.send(PAYMENTS)
        wait_for(full.is_everywhere, 180, "payments that are not in every store")
        yield full
        full.close()


def test_scores_in_cassandra_are_those_of_replay(full: Full, tmp_path: pathlib.Path) -> None:
    events, config = tmp_path / "events.jsonl", tmp_path / "config"
    events.write_bytes(b"\n".join(payment.encode() for payment in full.sent))
    config.mkdir()
    for part, text in (read_folder(SAMPLES / "payments") | {"models": MODELS, "policy": POLICY}).items():
        (config / f"{part}.yaml").write_text(text)
    replay_files([events], config, out=tmp_path / "out", order="arrival")
    replayed = pyarrow.parquet.read_table(tmp_path / "out" / "decisions.parquet")
    expected = dict(zip(map(str, replayed["event_id"].to_pylist()), replayed["score"].to_pylist(), strict=True))
    wait_for(lambda: len(full.scores()) == len(full.sent), 60, "decisions that are not in Cassandra")
    assert full.scores() == expected


def test_totals_in_druid_are_the_count_of_decisions(full: Full) -> None:
    assert full.by_category() == collections.Counter(payment.category for payment in full.sent)


def test_the_archive_holds_what_was_sent(full: Full) -> None:
    kept = [value for table in full.archived("events") for value in table["value"].to_pylist()]
    assert sorted(kept) == sorted(payment.encode() for payment in full.sent)


def test_doctor_says_that_all_is_well(full: Full) -> None:
    assert "lacks" not in full.doctor()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_no_store_answers_another_user(full: Full) -> None:
    settings, servers = full.settings, ("cassandra", "postgresql", "druid", "name-node", "data-node")
    stores = [full.stack.process(name).pid for name in servers]
    assert [place for place in listening(stores) if not is_of_this_machine_alone(place)] == []
    ports = [place.port for place in listening(stores[:3])]
    assert {settings.cassandra_port, settings.database_port, settings.druid_port, settings.druid_coordinator_port} < set(ports)
    assert as_another_user(answers_to, OPENINGS, ports) == "[]"
    logins = [("weir", "weir", "weir"), ("weir", "", "weir"), ("postgres", "postgres", "postgres")]
    assert as_another_user(log_in_to_postgresql, settings.database_port, logins) == "[]"
    assert as_another_user(use_hdfs, f"hdfs://127.0.0.1:{settings.hdfs_port}", ("", "root", "weir"), "/weir") == "[]"


@pytest.mark.parametrize("server", ["cassandra", "druid", "name-node"])
def test_while_a_store_is_down_decisions_and_the_other_stores_go_on(full: Full, server: str) -> None:
    """And all is delivered once it is back."""
    others: dict[str, Callable[[], bool]] = {
        "cassandra": lambda: len(full.scores()) == len(full.sent),
        "druid": lambda: sum(full.by_category().values()) == len(full.sent),
        "name-node": lambda: full.rows_archived("events") == len(full.sent),
    }
    full.stack.process(server).kill()
    asked = full.api.post("/v1/decisions?deadline_ms=5000", content=_one_more(full))
    assert (asked.status_code, asked.json()["flags"]) == (200, [])
    full.send(500)
    for name, has_all in others.items():
        if name != server:
            wait_for(has_all, 120, f"{name} waits for {server}")
    full.stack.keep_running()
    for name, has_all in others.items():
        wait_for(has_all, 180, f"{name} lacks payments after {server} was down")
    wait_for(full.is_everywhere, 60, "payments that are not in every store")


def _one_more(full: Full) -> bytes:
    payment = full._town.payment(int(time.time() * 1000))
    full.sent.append(payment)
    return payment.encode()


def test_every_answer_of_ready_is_well(full: Full) -> None:
    wait_for(lambda: all(part["ok"] for part in full.api.get("/ready").json()["parts"].values()), 60, "not ready")
    assert full.api.get("/ready").status_code == 200
