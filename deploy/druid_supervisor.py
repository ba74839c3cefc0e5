"""What Druid is told to read: topic ``metrics``, rolled up by minute, kept on reading by a supervisor."""

import json
import urllib.error
import urllib.request
from typing import Any

from features.refusal import Refusal
from stores.druid_columns import DIMENSIONS, NESTED, SUMS

SECONDS_MAX = 30.0


def apply_supervisor(coordinator: str, bootstrap: str, topic: str) -> str:
    """Lets Druid read `topic` into the data source of the same name; gives what was done: made, changed, resumed or kept.

    May be called at any time and again: one that runs as it should is not touched, a suspended one goes on where it was.

    Args:
        coordinator: URL of the coordinator.
        bootstrap: host:port of the Kafka broker.

    Raises:
        Refusal: Druid does not answer or does not take it.
    """
    wanted = supervisor_spec(bootstrap, topic)
    place = f"{coordinator}/druid/indexer/v1/supervisor"
    known = topic in _call(place)
    found = _call(f"{place}/{topic}") if known else {}
    if known and contains(found, wanted):
        if not found.get("suspended"):
            return "kept"
        _call(f"{place}/{topic}/resume", {})
        return "resumed"
    _call(place, wanted)
    return "changed" if known else "made"


def supervisor_state(coordinator: str, topic: str, seconds_max: float = SECONDS_MAX) -> str:
    """What the supervisor of `topic` says of itself, such as RUNNING, SUSPENDED or UNHEALTHY_TASKS; MISSING where there is none.

    Raises:
        Refusal: Druid does not answer.
    """
    place = f"{coordinator}/druid/indexer/v1/supervisor"
    if topic not in _call(place, seconds_max=seconds_max):
        return "MISSING"
    return str(_call(f"{place}/{topic}/status", seconds_max=seconds_max)["payload"]["detailedState"])


def supervisor_spec(bootstrap: str, topic: str) -> dict[str, Any]:
    """The supervisor as Druid takes it."""
    schema = {
        "dataSource": topic,
        "timestampSpec": {"column": "time", "format": "millis"},
        "dimensionsSpec": {
            "dimensions": [*({"type": "string", "name": name} for name in DIMENSIONS), {"type": "json", "name": NESTED}],
            "useSchemaDiscovery": False,
        },
        "metricsSpec": [{"type": kind, "name": name, "fieldName": name} for name, kind in SUMS.items()],
        "granularitySpec": {"type": "uniform", "segmentGranularity": "HOUR", "queryGranularity": "MINUTE", "rollup": True},
    }
    reading = {
        "topic": topic,
        "inputFormat": {"type": "json"},
        # What an aborted transaction wrote was never said.
        "consumerProperties": {"bootstrap.servers": bootstrap, "isolation.level": "read_committed"},
        "taskCount": 1,
        "replicas": 1,
        "taskDuration": "PT3600S",
        "startDelay": "PT0S",
        "period": "PT1S",
        "useEarliestOffset": True,
    }
    # An offset that the topic no longer has: records have expired, or the topic was made anew. What is there was not read yet.
    tuning = {"type": "kafka", "offsetFetchPeriod": "PT5S", "resetOffsetAutomatically": True}
    return {"type": "kafka", "spec": {"dataSchema": schema, "ioConfig": reading, "tuningConfig": tuning}}


def contains(found: Any, wanted: Any) -> bool:
    """Whether `found` says all that `wanted` says; Druid adds what it was not told."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(name in found and contains(found[name], value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(contains, found, wanted))
    return bool(found == wanted)


def _call(url: str, body: dict[str, Any] | None = None, seconds_max: float = SECONDS_MAX) -> Any:
    """The answer to a GET, or to a POST of `body`."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - the settings' own URL
    try:
        with urllib.request.urlopen(request, timeout=seconds_max) as answer:  # noqa: S310
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            raise Refusal("supervisor refused", where=url, expected="a supervisor", got=error.read().decode()[:300]) from error
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise Refusal("Druid does not answer", where=url, expected="its answer", got=str(error), remedy="is it up?") from error
