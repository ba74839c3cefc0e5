"""Topic metrics taken into DuckDB: aborted transactions never count, committed ones once, however often the process is killed."""

import pathlib
import random
import sys
import time
from collections.abc import Iterator

import msgspec
import pytest
from metric_stream import MetricStream, delta, figures_of, total_of
from score_job_runs import wait_for

from deploy.local.stack import settings_as_environment
from deploy.machine.ports import free_ports
from deploy.machine.processes import Process, Processes
from deploy.servers.topics import make_topics
from foundation.settings import Settings
from pipeline.sinks.metric_follower import MetricFollower
from stores.metrics.duckdb_metrics import DuckDbMetrics
from stores.metrics.metrics import MetricsUnavailableError

OUT_OF_BOUNDS: tuple[dict[str, int | float], ...] = (
    {"count": 2**63}, {"count": 0}, {"count": -1}, {"scored": -1}, {"scored": 2**70}, {"time": -60_000}, {"time": 60_001}, {"time": 2**63},
)  # fmt: skip
FOLLOW = """
import time
from pipeline.sinks.metric_follower import MetricFollower
from pipeline.sinks.metric_store import open_metrics
from foundation.settings import read_settings
settings = read_settings()
store = open_metrics(settings)
before = store.offsets()
follower = MetricFollower(store, settings)
follower.start()
while store.offsets() == before:
    time.sleep(0.01)
print("has taken some in")
while True:
    time.sleep(1)
"""


@pytest.fixture
def settings(broker: str, tmp_path: pathlib.Path, request: pytest.FixtureRequest) -> Settings:
    made = Settings(bootstrap=broker, topic_prefix=f"{tmp_path.name}.", folder=str(tmp_path), api_port=free_ports(1)[0])
    make_topics(made)
    return made


@pytest.fixture
def store(settings: Settings) -> Iterator[DuckDbMetrics]:
    """The file, opened at its first use."""
    opened = DuckDbMetrics(settings.path("metrics.duckdb"), 10)
    yield opened
    opened.close()


def rows_of(store: DuckDbMetrics) -> int:
    """How many rows the file has."""
    with store._cursor() as cursor:
        [(rows,)] = cursor.execute("SELECT count(*) FROM metric").fetchall()
    return int(rows)


def followed(store: DuckDbMetrics, settings: Settings, total: int) -> MetricFollower:
    """A follower that has taken in `total`, ended."""
    follower = MetricFollower(store, settings)
    follower.start()
    try:
        wait_for(lambda: total_of(store) >= total, 30, f"not all of {total} are counted: {follower.problem}")
        wait_for(lambda: follower.problem == "", 30, "the follower finds something wrong")
    finally:
        follower.close()
    return follower


def test_committed_deltas_add_up_and_aborted_ones_do_not_count(settings: Settings, store: DuckDbMetrics) -> None:
    stream = MetricStream(settings)
    for commit in (False, True, True, False, True):
        stream.write(300, commit=commit)
    followed(store, settings, stream.total)
    assert figures_of(store) == stream.figures()
    stream.write(100, minutes=(-3_000, -2_000))
    follower = followed(store, settings, stream.total)
    assert figures_of(store) == stream.figures()
    rows = rows_of(store)
    follower.tidy()
    assert rows_of(store) <= rows
    assert figures_of(store) == stream.figures()


def test_a_killed_process_goes_on_where_its_file_says(settings: Settings, store: DuckDbMetrics) -> None:
    stream, draw = MetricStream(settings, seed=2), random.Random(2)
    environment = settings_as_environment(settings) | {"PYTHONUNBUFFERED": "1"}
    with Processes() as processes:
        for number in range(2):
            command = [sys.executable, "-c", FOLLOW]
            process = Process(f"follower-{number}", command, environment, settings.path("logs"), pathlib.Path.cwd())
            processes.add(process)
            until, seen = time.monotonic() + 240, False
            while time.monotonic() < until:
                stream.write(draw.randrange(1, 40), commit=draw.random() < 0.8)
                time.sleep(0.05)
                if not seen and "has taken" in process.last_lines():
                    until, seen = time.monotonic() + draw.random(), True
            assert seen
            process.kill()
            processes.forget(process)
    met = total_of(store)
    assert met > 0
    print(f"{met} of {stream.total} were counted when the last process was killed")
    followed(store, settings, stream.total)
    assert total_of(store) == stream.total
    assert figures_of(store) == stream.figures()


def test_a_file_that_another_process_has_is_said_to_be_unavailable_until_it_is_free(settings: Settings, store: DuckDbMetrics) -> None:
    stream = MetricStream(settings, seed=3)
    stream.write(50)
    environment = settings_as_environment(settings)
    with Processes() as processes:
        process = Process("follower", [sys.executable, "-c", FOLLOW], environment, settings.path("logs"), pathlib.Path.cwd())
        processes.add(process)
        process.wait_until(lambda: settings.path("metrics.duckdb").exists(), 240, "a file")
        with pytest.raises(MetricsUnavailableError):
            store.check()
        follower = MetricFollower(store, settings)
        follower.start()
        wait_for(lambda: "lock" in follower.problem, 30, "the follower finds nothing wrong")
    wait_for(lambda: follower.problem == "", 30, "the follower does not go on")
    follower.close()
    followed(store, settings, stream.total)
    assert figures_of(store) == stream.figures()


def test_what_is_no_record_of_metrics_is_passed_over(settings: Settings, store: DuckDbMetrics) -> None:
    stream = MetricStream(settings, seed=4)
    stream.write(20)
    stream.write_raw([b"", b"no json", b"[]", b'{"time": 1}', b'{"time": 60000, "metric": "other", "count": 1}'])
    stream.write_raw([msgspec.json.encode(msgspec.to_builtins(delta(stream.draw, 5)) | wrong) for wrong in OUT_OF_BOUNDS])
    stream.write(20)
    followed(store, settings, stream.total)
    assert figures_of(store) == stream.figures()
