"""What Druid is told to read: topic ``metrics``, rolled up by minute, kept on reading by a supervisor."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.control.kafka_access import java_connection_of
from pipeline.sinks.druid_access import DruidAccess, druid_access
from stores.metrics.druid_columns import DIMENSIONS, NESTED, SUMS

SECONDS_MAX = 30.0
LOGIN = "sasl.jaas.config"
LOGIN_VARIABLE = "WEIR_DRUID_KAFKA_LOGIN"
"""In Druid's environment: the value of `LOGIN` for its consumers."""
_SUPERVISORS = "/druid/indexer/v1/supervisor"


def apply_supervisor(settings: Settings) -> str:
    """Lets Druid read topic ``metrics`` into the data source of the same name; gives what was done.

    ``made``, ``changed``, ``resumed`` or ``kept``: one that runs as it should is not touched, a suspended one goes on where it was, and
    one that was terminated is made anew and goes on there too, for the place is kept with the data.

    Raises:
        Refusal: Druid does not answer or does not take it.
    """
    topic = settings.topic("metrics")
    access = druid_access(settings)
    _call(access, f"/druid/coordinator/v1/rules/{topic}", rules(settings.metrics_kept_days))
    wanted = supervisor_spec(settings.bootstrap, topic, java_connection_of(settings))
    known = topic in _call(access, _SUPERVISORS)
    found = _call(access, f"{_SUPERVISORS}/{topic}") if known else {}
    if known and contains(found, wanted):
        if not found.get("suspended"):
            return "kept"
        _call(access, f"{_SUPERVISORS}/{topic}/resume", {})
        return "resumed"
    _call(access, _SUPERVISORS, wanted)
    return "changed" if known else "made"


def supervisor_state(settings: Settings, seconds_max: float = SECONDS_MAX) -> str:
    """What the supervisor says of itself, such as RUNNING, SUSPENDED or UNHEALTHY_TASKS; MISSING where there is none.

    Raises:
        Refusal: Druid does not answer.
    """
    topic = settings.topic("metrics")
    access = druid_access(settings)
    if topic not in _call(access, _SUPERVISORS, seconds_max=seconds_max):
        return "MISSING"
    return str(_call(access, f"{_SUPERVISORS}/{topic}/status", seconds_max=seconds_max)["payload"]["detailedState"])


def rules(kept_days: int) -> list[dict[str, Any]]:
    """How long segments are served: those of the last `kept_days`, and of the time to come, since events may be ahead."""
    kept = {"type": "loadByPeriod", "period": f"P{kept_days}D", "includeFuture": True, "tieredReplicants": {"_default_tier": 1}}
    return [kept, {"type": "dropForever"}]


def supervisor_spec(bootstrap: str, topic: str, access: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The supervisor as Druid takes it.

    Args:
        access: how Druid shows the broker who it is, as `java_connection_of` gives it. The login itself is not handed over: Druid takes it
            from its own environment, variable `LOGIN_VARIABLE`, for whoever may ask Druid may read its supervisors.
    """
    properties: dict[str, Any] = {name: value for name, value in (access or {}).items() if name != LOGIN}
    if access and LOGIN in access:
        properties["druid.dynamic.config.provider"] = {"type": "environment", "variables": {LOGIN: LOGIN_VARIABLE}}
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
        "consumerProperties": {"bootstrap.servers": bootstrap, "isolation.level": "read_committed", **properties},
        "taskCount": 1,
        "replicas": 1,
        "taskDuration": "PT3600S",
        "startDelay": "PT0S",
        "period": "PT1S",
        "useEarliestOffset": True,
    }
    # An offset that the topic no longer has: records have expired, and those that are there were not read yet.
    tuning = {"type": "kafka", "offsetFetchPeriod": "PT5S", "resetOffsetAutomatically": True}
    return {"type": "kafka", "spec": {"dataSchema": schema, "ioConfig": reading, "tuningConfig": tuning}}


def contains(found: Any, wanted: Any) -> bool:
    """Whether `found` says all that `wanted` says; Druid adds what it was not told."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(name in found and contains(found[name], value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(contains, found, wanted))
    return bool(found == wanted)


def _call(access: DruidAccess, path: str, body: object = None, seconds_max: float = SECONDS_MAX) -> Any:
    """The coordinator's answer to a GET, or to a POST of `body`."""
    data = None if body is None else json.dumps(body).encode()
    url = access.coordinator + path
    request = urllib.request.Request(url, data, access.headers | {"Content-Type": "application/json"})  # noqa: S310 - the settings' own URL
    try:
        with urllib.request.urlopen(request, timeout=seconds_max, context=access.tls) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            raise Refusal("supervisor refused", where=url, expected="a supervisor", got=error.read().decode()[:300]) from error
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise Refusal("Druid does not answer", where=url, expected="its answer", got=str(error), remedy="is it up?") from error
