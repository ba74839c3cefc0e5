"""The metrics job on a real broker and cluster: every decision is counted once, whatever is killed or written again."""

from collections import Counter

import pytest
from delivery_runs import as_records, committed_rows, decision, submitted
from score_job_runs import Json, cancel, prepared, produce, wait_for

from stores.metrics.metric_rows import MINUTE_MS, MetricRow

BEFORE, ALL = 20_000, 60_000
"""Decisions before the kill, and in all."""


def counts_of(decisions: list[Json]) -> Counter[tuple[object, ...]]:
    """The oracle: decisions by minute, action, category, lateness and whether they are revised, of the first of each."""
    first = {(each["event_id"], each["revision"]): each for each in reversed(decisions)}
    return Counter(
        (
            each["event_time"] // MINUTE_MS * MINUTE_MS,
            each["action"],
            each["dimensions"]["category"],
            "late" in each["flags"],
            each["revision"] > 0,
        )
        for each in first.values()
    )


def counted(rows: list[MetricRow]) -> Counter[tuple[object, ...]]:
    found: Counter[tuple[object, ...]] = Counter()
    for row in rows:
        if row.metric == "decisions":
            found[row.time, row.action, row.dimensions["category"], row.late, row.revised] += row.count
    return found


@pytest.fixture(scope="module")
def run(broker: str, flink, tmp_path_factory) -> tuple[list[Json], list[MetricRow]]:
    """Decisions as written, with repeats among them, and the rows that came of them; the TaskManager is killed in mid-stream."""
    flink.scale(1)
    settings = prepared(broker, flink, tmp_path_factory.mktemp("metrics"), "rolled.", metrics_interval_ms=1_000)
    written = [decision(id) for id in range(BEFORE)]
    written += [decision(id, revision=1) for id in range(0, BEFORE, 500)]
    produce(settings, "decisions", as_records(written))
    job = submitted(flink, settings, "metrics")
    wait_for(lambda: sum(counted(committed_rows(settings)).values()) > 0, 60, "no row before the kill")
    # As after a restart of the score job: some are written again, and otherwise, before those that follow.
    again = [decision(id) | {"score": 0.99, "action": "block"} for id in range(BEFORE - 5_000, BEFORE)]
    rest = [decision(id) for id in range(BEFORE, ALL)]
    produce(settings, "decisions", as_records(again + rest[:1_000]))
    flink.kill_task_managers()
    produce(settings, "decisions", as_records(rest[1_000:]))
    flink.scale(1)
    wanted = ALL + BEFORE // 500
    wait_for(lambda: sum(counted(committed_rows(settings)).values()) >= wanted, 120, "decisions that are not counted")
    cancel(flink, job)
    return written + again + rest, committed_rows(settings)


def test_each_decision_is_counted_once_in_its_minute_and_by_its_dimensions(run) -> None:
    written, rows = run
    assert counted(rows) == counts_of(written)


def test_sums_are_those_of_the_decisions(run) -> None:
    written, rows = run
    first = {(each["event_id"], each["revision"]): each for each in reversed(written)}.values()
    scores = [each["score"] for each in first if each["score"] is not None]
    mine = [row for row in rows if row.metric == "decisions"]
    assert sum(row.scored for row in mine) == len(scores)
    assert sum(row.score_sum for row in mine) == pytest.approx(sum(scores))
    assert sum(row.latency_ms_sum for row in mine) == sum(each["latency_ms"] for each in first)
    assert max(row.latency_ms_max for row in mine) == max(each["latency_ms"] for each in first)


def test_matches_of_patterns_are_a_metric_of_their_own(run) -> None:
    written, rows = run
    first = {(each["event_id"], each["revision"]): each for each in reversed(written)}.values()
    matches = [row for row in rows if row.metric == "matches"]
    assert {(row.pattern, row.version, row.shadow) for row in matches} == {("testing", "3", False)}
    assert sum(row.count for row in matches) == sum(len(each["matches"]) for each in first)
