"""The supervisor that makes Druid read the topic ``metrics`` and roll it up by minute."""

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
"""Druid's environment has the value of `LOGIN` for its consumers in this variable."""
_SUPERVISORS = "/druid/indexer/v1/supervisor"


def apply_supervisor(settings: Settings) -> str:
    """Makes Druid read the topic ``metrics`` into the data source of the same name.

    Gives what was done with the supervisor: ``made``, ``changed``, ``resumed`` or ``kept``. A supervisor that is as wanted is kept, and a
    suspended one is resumed. One that was terminated is made again; it goes on where it ended, because Druid keeps offsets with the data.

    Raises:
        Refusal: Druid does not answer, or refuses the supervisor.
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
    """The state of the supervisor in Druid's words, such as RUNNING, SUSPENDED or UNHEALTHY_TASKS; MISSING if there is none.

    Raises:
        Refusal: Druid does not answer.
    """
    topic = settings.topic("metrics")
    access = druid_access(settings)
    if topic not in _call(access, _SUPERVISORS, seconds_max=seconds_max):
        return "MISSING"
    return str(_call(access, f"{_SUPERVISORS}/{topic}/status", seconds_max=seconds_max)["payload"]["detailedState"])


def rules(kept_days: int) -> list[dict[str, Any]]:
    """The retention rules: segments of the last `kept_days` are served, and those of the future, because events may be ahead."""
    kept = {"type": "loadByPeriod", "period": f"P{kept_days}D", "includeFuture": True, "tieredReplicants": {"_default_tier": 1}}
    return [kept, {"type": "dropForever"}]


def supervisor_spec(bootstrap: str, topic: str, access: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The specification of the supervisor for Druid.

    Args:
        access: the properties with which Druid logs in to the broker, as `java_connection_of` gives them. The login itself is left out,
            because everybody who may query Druid can read its supervisors; Druid reads it from the variable `LOGIN_VARIABLE`.
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
        # Records of aborted transactions do not count.
        "consumerProperties": {"bootstrap.servers": bootstrap, "isolation.level": "read_committed", **properties},
        "taskCount": 1,
        "replicas": 1,
        "taskDuration": "PT3600S",
        "startDelay": "PT0S",
        "period": "PT1S",
        "useEarliestOffset": True,
    }
    # If the topic no longer has the next offset, because records have expired, reading goes on with the oldest record.
    tuning = {"type": "kafka", "offsetFetchPeriod": "PT5S", "resetOffsetAutomatically": True}
    return {"type": "kafka", "spec": {"dataSchema": schema, "ioConfig": reading, "tuningConfig": tuning}}


def contains(found: Any, wanted: Any) -> bool:
    """Whether `found` has all values of `wanted`; Druid adds defaults of its own."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(name in found and contains(found[name], value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(contains, found, wanted))
    return bool(found == wanted)


def _call(access: DruidAccess, path: str, body: object = None, seconds_max: float = SECONDS_MAX) -> Any:
    """The coordinator's answer to a GET, or to a POST if there is a `body`."""
    data = None if body is None else json.dumps(body).encode()
    url = access.coordinator + path
    request = urllib.request.Request(url, data, access.headers | {"Content-Type": "application/json"})  # noqa: S310 - the settings' own URL
    try:
        with urllib.request.urlopen(request, timeout=seconds_max, context=access.tls) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            got = f"status {error.code}: {error.read().decode()[:300]}"
            raise Refusal("Druid refused the request", where=url, expected="status 200", got=got) from error
    except (urllib.error.URLError, OSError, ValueError) as error:
        remedy = "check in druid.log whether Druid is up"
        raise Refusal("Druid does not answer", where=url, expected="an answer of Druid", got=str(error), remedy=remedy) from error
