"""Jobs that deliver are handed over again when that failed half-way: those that run already stay the only ones of their name."""

import pathlib
import sys
import time

import pytest
from score_job_runs import cancel, prepared

from deploy.local import delivery
from deploy.local.delivery import Delivery
from deploy.local.stack import settings_as_environment
from deploy.machine.processes import Process
from foundation.settings import Settings
from pipeline.flink.jobs import ENDED, running_jobs
from pipeline.sinks.deliver_jobs import JOBS


def handed_over(flink, settings: Settings) -> dict[str, str]:
    """Ids by name, as the stack's own submission prints them."""
    environment = flink.cluster.environment() | settings_as_environment(settings)
    command = [sys.executable, "-m", "pipeline.sinks.deliver_jobs"]
    submission = Process("delivery", command, environment, settings.path("logs"), pathlib.Path.cwd())
    submission.wait_for_end(120)
    return dict(line.split() for line in submission.last_lines(len(JOBS)).splitlines())


def alive(flink) -> list[str]:
    jobs = flink.cluster.get("/jobs/overview")["jobs"]
    return sorted(job["name"] for job in jobs if job["state"] not in ENDED)


def test_a_second_submission_hands_over_only_what_does_not_run(broker: str, flink, tmp_path: pathlib.Path) -> None:
    flink.scale(2)
    settings = prepared(broker, flink, tmp_path, "once.")
    first = handed_over(flink, settings)
    assert sorted(first) == ["archive", "metrics"]
    assert handed_over(flink, settings) == first
    cancel(flink, first["archive"])
    third = handed_over(flink, settings)
    assert third["metrics"] == first["metrics"]
    assert third["archive"] != first["archive"]
    assert alive(flink) == ["weir-archive", "weir-metrics"]
    for id in third.values():
        cancel(flink, id)


@pytest.mark.long
def test_a_job_that_has_ended_is_handed_over_again_and_the_other_one_left_alone(
    broker: str, flink, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "LOOK_SECONDS", 0.0)
    flink.scale(2)
    settings = prepared(broker, flink, tmp_path, "again.")
    environment = flink.cluster.environment() | settings_as_environment(settings)
    first = handed_over(flink, settings)
    watched = Delivery(flink.cluster, settings.path("logs"))
    try:
        assert watched.check(environment) == ""
        cancel(flink, first["archive"])
        assert watched.check(environment).startswith("these jobs do not run and are submitted again: archive")
        deadline = time.monotonic() + 120
        while alive(flink) != ["weir-archive", "weir-metrics"] and time.monotonic() < deadline:
            assert "metrics" not in watched.check(environment)
            time.sleep(0.5)
        running = running_jobs(flink.cluster.rest)
        assert running["weir-metrics"] == first["metrics"]
        assert running["weir-archive"] != first["archive"]
    finally:
        watched.stop()
        for id in running_jobs(flink.cluster.rest).values():
            cancel(flink, id)
