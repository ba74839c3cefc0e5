"""Event metrics from a topic into Druid: aborted ones never count, committed ones once, whatever is stopped or killed meanwhile."""

import os
import pathlib
import signal
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import forked_programs
import httpx
import msgspec
import pytest
from druid_segments import publish_without_an_end, segments_served, stop_supervisor, task_ids
from metric_stream import MetricStream, figures_of, total_of
from score_job_runs import wait_for

from deploy.command import SAMPLES
from deploy.doctor.druid_checks import metrics_problem
from deploy.local.releases import publish, read_folder
from deploy.local.stack import settings_as_environment
from deploy.machine.ports import free_ports
from deploy.machine.processes import Process, Processes
from deploy.servers.druid_supervisor import apply_supervisor
from deploy.servers.topics import make_topics
from foundation.settings import Settings
from pipeline.sinks.metric_store import open_metrics
from stores.metrics.metrics import Metrics, MetricsUnavailableError

if TYPE_CHECKING:
    from conftest import DruidServers

TOKEN = "token-of-the-integration-test"
SECONDS_MAX = 60


@pytest.fixture(scope="module")
def settings(druid: "DruidServers") -> Settings:
    """Topics of their own, with the sample `payments` in force, and Druid told to read."""
    api_port, flink_port = free_ports(2)
    made = druid.settings("metrics-test.", api_port=api_port, flink_port=flink_port, metrics_timeout_ms=1_500)
    make_topics(made)
    publish(made, read_folder(SAMPLES / "payments"))
    assert apply_supervisor(made) == "made"
    return made


@pytest.fixture(scope="module")
def stream(settings: Settings) -> MetricStream:
    return MetricStream(settings)


@pytest.fixture(scope="module")
def store(settings: Settings) -> Iterator[Metrics]:
    """One that waits for answers as long as a busy machine takes: only the API's own bound is tested."""
    opened = open_metrics(msgspec.structs.replace(settings, metrics_timeout_ms=30_000))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def api(settings: Settings) -> Iterator[httpx.Client]:
    """An API process over Druid."""
    with Processes() as processes, caller(settings) as client:
        processes.add(start_api(settings, client))
        yield client


def start_api(settings: Settings, client: httpx.Client) -> Process:
    environment = settings_as_environment(settings) | {"WEIR_TOKEN": TOKEN}
    api = Process("api", [sys.executable, forked_programs.API], environment, settings.path("logs"), pathlib.Path.cwd())
    api.wait_until(lambda: answers(client), 240, "an answer")
    return api


def caller(settings: Settings) -> httpx.Client:
    headers = {"authorization": f"Bearer {TOKEN}"}
    return httpx.Client(base_url=f"http://127.0.0.1:{settings.api_port}", headers=headers, timeout=240, trust_env=False)


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health").status_code == 200
    except httpx.TransportError:
        return False


def known(store: Metrics, total: int) -> bool:
    try:
        return total_of(store) >= total
    except MetricsUnavailableError:
        return False


def assert_all_counted_once(store: Metrics, stream: MetricStream) -> None:
    wait_for(lambda: known(store, stream.total), SECONDS_MAX, f"{stream.total} were committed, and fewer are counted")
    assert total_of(store) == stream.total
    assert figures_of(store) == stream.figures()


def test_what_a_transaction_aborted_never_counts(store: Metrics, stream: MetricStream) -> None:
    for commit in (True, False, True, False, True):
        stream.write(200, commit=commit)
    assert_all_counted_once(store, stream)


def test_late_deltas_add_to_hours_long_past(store: Metrics, stream: MetricStream) -> None:
    stream.write(300, minutes=(-3_000, -2_000))
    assert_all_counted_once(store, stream)


def test_a_supervisor_that_runs_is_left_alone_and_a_stopped_one_goes_on_where_it_was(
    settings: Settings, store: Metrics, stream: MetricStream
) -> None:
    assert apply_supervisor(settings) == "kept"
    for verb, done in (("suspend", "resumed"), ("terminate", "made")):
        stop_supervisor(settings, verb)
        if verb == "suspend":
            wait_for(lambda: segments_served(settings) > 0, SECONDS_MAX, "no segment is served")
            assert_all_counted_once(store, stream)
        # Terminated, it may kill a task that has just begun instead of letting it publish: then the next supervisor's reads it all again.
        stream.write(200)
        stream.write(200, commit=False)
        assert apply_supervisor(settings) == done
        print(f"after {verb}: {done}")
        assert_all_counted_once(store, stream)


def test_a_kill_of_druid_loses_nothing_and_counts_nothing_twice(
    settings: Settings, druid: "DruidServers", store: Metrics, stream: MetricStream
) -> None:
    stream.write(500)
    assert_all_counted_once(store, stream)
    for _ in range(2):
        stream.write(500)
        druid.kill()
        stream.write(100, commit=False)
        stream.write(300, minutes=(-500, 120))
        began = time.monotonic()
        druid.start()
        assert_all_counted_once(store, stream)
        print(f"after kill -9: every row is queryable again {time.monotonic() - began:.1f} s after the start")
        stream.write(100)
        assert_all_counted_once(store, stream)


def test_a_task_that_had_published_before_a_kill_is_not_run_once_more(
    settings: Settings, druid: "DruidServers", store: Metrics, stream: MetricStream
) -> None:
    stream.write(500)
    assert_all_counted_once(store, stream)
    publish_without_an_end(settings)
    before = task_ids(settings)
    stream.write(300)
    druid.kill()
    druid.start()
    assert apply_supervisor(settings) == "kept"
    stream.write(100)
    assert_all_counted_once(store, stream)
    assert not before & task_ids(settings)


def test_over_http_the_figures_are_those_of_the_topic(store: Metrics, stream: MetricStream, api: httpx.Client) -> None:
    stream.write(10)
    assert_all_counted_once(store, stream)
    times = [row.time for row in stream.committed]
    path = f"/v1/metrics/query?from={min(times)}&to={max(times) + 60_000}&granularity=all&group_by=action"
    answer = api.get(path)
    assert answer.status_code == 200
    assert sum(group["count"] for group in answer.json()["groups"]) == stream.total
    refused = api.get(path + "&group_by=customer_id")
    assert refused.status_code == 422
    assert refused.json()["what"] == "unknown dimension"


def stands_still(pid: int) -> bool:
    """Whether all threads of the process are stopped; where cores are short, one may still be on its way to the signal."""
    states = [(task / "stat").read_text().rpartition(")")[2].split()[0] for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]
    return set(states) == {"T"}


def test_while_druid_stands_still_a_query_is_a_503_in_time_and_other_routes_answer(
    settings: Settings, druid: "DruidServers", api: httpx.Client
) -> None:
    wait_for(lambda: api.get("/ready").json()["parts"]["metrics"]["ok"], SECONDS_MAX, "the metrics are not well")
    assert metrics_problem(settings) == ""
    os.killpg(druid.process.pid, signal.SIGSTOP)
    try:
        wait_for(lambda: stands_still(druid.process.pid), SECONDS_MAX, "some thread of Druid has not come to its stop")
        for _ in range(3):
            began = time.monotonic()
            answer = api.get("/v1/metrics/query")
            seconds = time.monotonic() - began
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.headers["content-type"] == "application/problem+json"
            assert seconds < 10
            print(f"while Druid stands still a query is answered after {seconds:.1f} s; its timeout is {settings.metrics_timeout_ms} ms")
        wait_for(lambda: not api.get("/ready").json()["parts"]["metrics"]["ok"], 30, "the metrics are still well")
        parts = api.get("/ready").json()["parts"]
        assert parts["broker"]["ok"]
        assert parts["store"]["ok"]
        assert api.get("/v1/flagged").status_code == 200
        assert "does not answer" in metrics_problem(settings)
    finally:
        os.killpg(druid.process.pid, signal.SIGCONT)
    wait_for(lambda: api.get("/v1/metrics/query").status_code == 200, SECONDS_MAX, "no answer after the stop")
    wait_for(lambda: api.get("/ready").json()["parts"]["metrics"]["ok"], SECONDS_MAX, "the metrics are not well again")
