"""A kill in arrival mode: what is decided again differs, and the store keeps what was decided first."""

from collections import defaultdict
from collections.abc import Iterator

import pytest
from score_job_runs import (
    START_MS,
    Json,
    cancel,
    decided,
    decisions,
    prepared,
    produce_events,
    submitted_in_arrival_mode,
    wait_for,
)
from side_job_runs import Running

from pipeline.score_job.flink_job import STAGES
from pipeline.sinks.deliver_job import DeliverJob
from stores.decisions import EventName
from stores.sqlite.sqlite_decisions import SqliteDecisions, SqliteDecisionsReader

STAGES_THAT_NAME_THEIR_PROCESS = (*STAGES[:2], "tests.integration.planted_stages:process_as_score")
USERS = 300
DAY_MS = 86_400_000
EARLY, ALL = 5_000, 45_000
"""Events before the checkpoint, and in all."""


def event(id: int) -> Json:
    """All of them within an hour, so that a user's count is the number of the user's events so far."""
    return {"id": id, "at": START_MS + 50 * id, "who": f"u{id * 7919 % USERS}", "shop": f"s{id % 40}", "amount": id % 500 + 0.5}


def checkpoints_done(flink, job: str) -> int:
    return int(flink.cluster.get(f"/jobs/{job}/checkpoints")["counts"]["completed"])


def checkpoint(flink, job: str) -> None:
    """Takes one now. Those by the clock begin at a random moment within their interval, which is a day here."""
    before = checkpoints_done(flink, job)
    flink.cluster.rest.ask(f"/jobs/{job}/checkpoints", 10, "POST", b"{}")
    wait_for(lambda: checkpoints_done(flink, job) > before, 60, "no checkpoint")


@pytest.fixture(scope="module")
def run(broker: str, flink, tmp_path_factory) -> Iterator[tuple[list[Json], SqliteDecisionsReader]]:
    """All records of the decisions topic, in the order of each partition, and the store that the deliver job filled meanwhile."""
    flink.scale(1)
    folder = tmp_path_factory.mktemp("first-wins")
    settings = prepared(broker, flink, folder, "first.", checkpoint_interval_ms=DAY_MS)
    store = settings.path("decisions.db")
    with Running(DeliverJob(settings, SqliteDecisions(store))) as deliver:
        job = submitted_in_arrival_mode(flink, settings, STAGES_THAT_NAME_THEIR_PROCESS)
        produce_events(settings, [event(id) for id in range(EARLY)])
        wait_for(lambda: decided(settings) == EARLY, 60, "no decisions before the kill")
        checkpoint(flink, job)
        produce_events(settings, [event(id) for id in range(EARLY, ALL)])
        wait_for(lambda: decided(settings) > EARLY + (ALL - EARLY) // 8, 60, "no decisions after the checkpoint")
        flink.kill_task_managers()
        assert decided(settings) < ALL, "the kill came after the end"
        flink.scale(1)
        figures = deliver.job.deliverer
        wait_for(lambda: figures.written == ALL, 180, "events without a decision in the store")
        wait_for(lambda: figures.written + figures.repeats == decided(settings), 60, "decisions not delivered")
        cancel(flink, job)
        yield decisions(settings, decided(settings)), SqliteDecisionsReader(store)


def first_of_each(read: list[Json]) -> dict[str, Json]:
    first: dict[str, Json] = {}
    for decision in read:
        first.setdefault(str(decision["event_id"]), decision)
    return first


def test_some_events_were_decided_twice_and_otherwise(run) -> None:
    read, _ = run
    scores = defaultdict(list)
    for decision in read:
        scores[decision["event_id"]].append(decision["score"])
    twice = [each for each in scores.values() if len(each) > 1]
    assert len(twice) > 1_000
    assert all(len(set(each)) == len(each) == 2 for each in twice)


def test_the_store_holds_the_first_of_them_for_every_event(run) -> None:
    read, reader = run
    first = first_of_each(read)
    kept = {name.event_id: each for name, [each] in reader.get_many([EventName(str(id)) for id in range(ALL)]).items()}
    assert len(kept) == len(first) == ALL
    assert [id for id, decision in first.items() if kept[id].score != decision["score"]] == []
    assert reader.latest("who", event(ALL - 1)["who"]).event_id == str(ALL - 1)


def test_every_users_events_are_counted_once_and_in_order(run) -> None:
    read, _ = run
    counts = defaultdict(list)
    for decision in first_of_each(read).values():
        counts[decision["user"]].append((int(decision["event_id"]), decision["features"]["count_1h"]))
    sent = defaultdict(list)
    for id in range(ALL):
        sent[event(id)["who"]].append(id)
    assert len(sent) == USERS
    assert counts == {user: [(id, count) for count, id in enumerate(ids, 1)] for user, ids in sent.items()}
