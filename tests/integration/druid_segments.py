"""What Druid does with rows once the task that read them ends: published as segments, and served by the historical. For tests only."""

import httpx
from score_job_runs import wait_for

from deploy.druid_supervisor import coordinator_of, supervisor_state
from pipeline.settings import Settings

SECONDS_MAX = 60


def stop_supervisor(settings: Settings, verb: str) -> None:
    """``suspend`` or ``terminate``; its tasks publish what they have read."""
    place = f"{coordinator_of(settings)}/druid/indexer/v1/supervisor/{settings.topic('metrics')}"
    httpx.post(f"{place}/{verb}", timeout=60, trust_env=False).raise_for_status()
    state = {"suspend": "SUSPENDED", "terminate": "MISSING"}[verb]
    wait_for(lambda: supervisor_state(settings) == state, SECONDS_MAX, f"not {state}")


def running_tasks(settings: Settings) -> int:
    return len(task_ids(settings, "runningTasks"))


def task_ids(settings: Settings, which: str = "tasks") -> set[str]:
    """Of all tasks that Druid knows of, or of its ``runningTasks``."""
    return {task["id"] for task in httpx.get(f"{coordinator_of(settings)}/druid/indexer/v1/{which}", timeout=60, trust_env=False).json()}


def publish_without_an_end(settings: Settings) -> None:
    """Has the running task publish, and wait: no historical takes what it serves, until the rules are applied again."""
    coordinator, topic = coordinator_of(settings), settings.topic("metrics")
    nowhere = [{"type": "loadForever", "tieredReplicants": {"nowhere": 1}}]
    httpx.post(f"{coordinator}/druid/coordinator/v1/rules/{topic}", json=nowhere, timeout=60, trust_env=False).raise_for_status()
    before = segments_published(settings)
    place = f"{coordinator}/druid/indexer/v1/supervisor/{topic}/taskGroups/handoff"
    httpx.post(place, json={"taskGroupIds": [0]}, timeout=60, trust_env=False).raise_for_status()
    wait_for(lambda: segments_published(settings) > before, SECONDS_MAX, "nothing is published")
    wait_for(lambda: running_tasks(settings) == 2, SECONDS_MAX, "no task reads on")


def segments_served(settings: Settings) -> int:
    """How many published segments the historical has."""
    answer = httpx.get(f"{coordinator_of(settings)}/druid/coordinator/v1/loadstatus?simple", timeout=60, trust_env=False)
    return segments_published(settings) if answer.json().get(settings.topic("metrics")) == 0 else 0


def segments_published(settings: Settings) -> int:
    query = {"query": "SELECT count(*) AS n FROM sys.segments WHERE is_published = 1 AND datasource = ?"}
    query["parameters"] = [{"type": "VARCHAR", "value": settings.topic("metrics")}]  # type: ignore[assignment]
    found = httpx.post(f"http://127.0.0.1:{settings.druid_port}/druid/v2/sql", json=query, timeout=60, trust_env=False).json()
    return int(found[0]["n"])
