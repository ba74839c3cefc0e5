"""The whole system with every store a server of its own: each is told of every event once, and none is needed for a decision."""

import collections
import os
import pathlib
from collections.abc import Callable

import pyarrow.parquet
import pytest
from another_user import OPENINGS, answers_to, as_another_user, log_in_to_postgresql, use_hdfs
from full_profile_system import TEXTS, FullProfile
from listening import is_of_this_machine_alone, listening
from score_job_runs import wait_for

from pipeline.replay.replay_command import replay_files

pytestmark = pytest.mark.full_profile


def test_scores_in_cassandra_are_those_of_replay(full: FullProfile, tmp_path: pathlib.Path) -> None:
    events, config = tmp_path / "events.jsonl", tmp_path / "config"
    events.write_bytes(b"\n".join(payment.encode() for payment in full.sent))
    config.mkdir()
    for part, text in TEXTS.items():
        (config / f"{part}.yaml").write_text(text)
    replay_files([events], config, out=tmp_path / "out", order="arrival")
    replayed = pyarrow.parquet.read_table(tmp_path / "out" / "decisions.parquet")
    expected = dict(zip(map(str, replayed["event_id"].to_pylist()), replayed["score"].to_pylist(), strict=True))
    wait_for(lambda: len(full.scores()) == len(full.sent), 60, "decisions that are not in Cassandra")
    assert full.scores() == expected


def test_totals_in_druid_are_the_count_of_decisions(full: FullProfile) -> None:
    assert full.by_category() == collections.Counter(payment.category for payment in full.sent)


def test_the_archive_holds_what_was_sent(full: FullProfile) -> None:
    kept = [value for table in full.archived("events") for value in table["value"].to_pylist()]
    assert sorted(kept) == sorted(payment.encode() for payment in full.sent)


def test_doctor_says_that_all_is_well(full: FullProfile) -> None:
    assert "lacks" not in full.doctor()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_no_store_answers_another_user(full: FullProfile) -> None:
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
def test_while_a_store_is_down_decisions_and_the_other_stores_go_on(full: FullProfile, server: str) -> None:
    """And all is delivered once it is back."""
    others: dict[str, Callable[[], bool]] = {
        "cassandra": lambda: len(full.scores()) == len(full.sent),
        "druid": lambda: sum(full.by_category().values()) == len(full.sent),
        "name-node": lambda: full.rows_archived("events") == len(full.sent),
    }
    full.stack.process(server).kill()
    _, [answer] = full.ask(1)
    assert answer["flags"] == []
    full.send(500)
    for name, has_all in others.items():
        if name != server:
            wait_for(has_all, 120, f"{name} waits for {server}")
    full.stack.keep_running()
    for name, has_all in others.items():
        wait_for(has_all, 180, f"{name} lacks payments after {server} was down")
    wait_for(full.is_everywhere, 60, "payments that are not in every store")


def test_every_answer_of_ready_is_well(full: FullProfile) -> None:
    wait_for(lambda: all(part["ok"] for part in full.api.get("/ready").json()["parts"].values()), 60, "not ready")
    assert full.api.get("/ready").status_code == 200
