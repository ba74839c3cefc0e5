"""What Druid does with rows once the task that read them ends: published as segments, and served by the historical. For tests only."""

import json
from typing import Any

import httpx
from score_job_runs import wait_for

from deploy.servers.druid_supervisor import supervisor_state
from foundation.settings import Settings
from pipeline.sinks.druid_access import druid_access

SECONDS_MAX = 60


def ask_coordinator(settings: Settings, path: str, body: object = None) -> Any:
    """The JSON of its answer to a GET, or to a POST of `body`."""
    return _ask(settings, druid_access(settings).coordinator + path, body)


def _ask(settings: Settings, url: str, body: object) -> Any:
    access = druid_access(settings)
    method = "GET" if body is None else "POST"
    answer = httpx.request(method, url, json=body, verify=access.tls or True, headers=access.headers, timeout=60, trust_env=False)
    return json.loads(answer.raise_for_status().content or b"null")


def stop_supervisor(settings: Settings, verb: str) -> None:
    """``suspend`` or ``terminate``; its tasks publish what they have read."""
    ask_coordinator(settings, f"/druid/indexer/v1/supervisor/{settings.topic('metrics')}/{verb}", {})
    state = {"suspend": "SUSPENDED", "terminate": "MISSING"}[verb]
    wait_for(lambda: supervisor_state(settings) == state, SECONDS_MAX, f"not {state}")


def running_tasks(settings: Settings) -> int:
    return len(task_ids(settings, "runningTasks"))


def task_ids(settings: Settings, which: str = "tasks") -> set[str]:
    """Of all tasks that Druid knows of, or of its ``runningTasks``."""
    return {task["id"] for task in ask_coordinator(settings, f"/druid/indexer/v1/{which}")}


def publish_without_an_end(settings: Settings) -> None:
    """Has the running task publish, and wait: no historical takes what it serves, until the rules are applied again."""
    topic = settings.topic("metrics")
    nowhere = [{"type": "loadForever", "tieredReplicants": {"nowhere": 1}}]
    ask_coordinator(settings, f"/druid/coordinator/v1/rules/{topic}", nowhere)
    before = segments_published(settings)
    ask_coordinator(settings, f"/druid/indexer/v1/supervisor/{topic}/taskGroups/handoff", {"taskGroupIds": [0]})
    wait_for(lambda: segments_published(settings) > before, SECONDS_MAX, "nothing is published")
    wait_for(lambda: running_tasks(settings) == 2, SECONDS_MAX, "no task reads on")


def segments_served(settings: Settings) -> int:
    """How many published segments the historical has."""
    waiting = ask_coordinator(settings, "/druid/coordinator/v1/loadstatus?simple")
    return segments_published(settings) if waiting.get(settings.topic("metrics")) == 0 else 0


def segments_published(settings: Settings) -> int:
    query = {"query": "SELECT count(*) AS n FROM sys.segments WHERE is_published = 1 AND datasource = ?"}
    query["parameters"] = [{"type": "VARCHAR", "value": settings.topic("metrics")}]  # type: ignore[assignment]
    found = _ask(settings, druid_access(settings).broker + "/druid/v2/sql", query)
    return int(found[0]["n"])
