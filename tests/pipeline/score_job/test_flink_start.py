from pipeline.score_job.flink_start import ALIGNED_EVENTS, DRIFT_MS_LEAST, drift_of

DAY_MS = 86_400_000


def test_partitions_may_be_apart_by_what_so_many_events_take_on_average() -> None:
    times_ms = [5 * DAY_MS, 125 * DAY_MS, 6 * DAY_MS, 120 * DAY_MS]
    assert drift_of(times_ms, 20 * ALIGNED_EVENTS) == 6 * DAY_MS


def test_a_dense_backlog_still_has_a_minute() -> None:
    assert drift_of([0, 1_000], 100 * ALIGNED_EVENTS) == DRIFT_MS_LEAST


def test_without_a_time_to_go_by_nothing_is_held_back() -> None:
    assert drift_of([], 1_000_000) == 0
