"""GET /v1/metrics/query: typed, bounded, and no burden on other routes when its store is away."""

import asyncio
import threading
import time

import msgspec
import pytest
from api_imitation import NOW_MS, Api

from api.operations.metric_routes import QUERIES_MAX
from foundation.settings import Settings
from pipeline.sinks.metric_store import open_metrics
from stores.metrics.druid_metrics import DruidMetrics
from stores.metrics.duckdb_metrics import DuckDbMetrics
from stores.metrics.metric_rows import MINUTE_MS, MetricRow
from stores.metrics.metrics import MetricAnswer, MetricQuery, MetricsUnavailableError

NOW_MINUTE_MS = NOW_MS // MINUTE_MS * MINUTE_MS


def row(minutes_ago: int, **values: object) -> MetricRow:
    given: dict[str, object] = {"metric": "decisions", "count": 1, "action": "approve", "score_band": "none"}
    return MetricRow(time=NOW_MINUTE_MS - minutes_ago * MINUTE_MS, **(given | values))  # type: ignore[arg-type]


@pytest.fixture
def api(api: Api) -> Api:
    rows = [
        row(0, count=3, score_sum=1.5, scored=3, latency_ms_sum=12.0, latency_ms_max=7.0),
        row(0, count=1, action="block", late=True),
        row(59, count=10),
        row(60, count=100),
        row(5, metric="matches", count=4, action="block", pattern="card_testing", version="2", shadow=True, score_band=""),
    ]
    api.metrics.add(rows, {})
    return api


async def test_without_a_range_the_last_hour_is_counted_up_to_the_running_minute(api: Api) -> None:
    answer = await api.client.get("/v1/metrics/query")
    assert answer.status_code == 200
    assert answer.json() == {
        "metric": "decisions",
        "from": NOW_MINUTE_MS - 59 * MINUTE_MS,
        "to": NOW_MINUTE_MS + MINUTE_MS,
        "granularity": "all",
        "groups": [
            {
                "time": NOW_MINUTE_MS - 59 * MINUTE_MS,
                "dimensions": {},
                "count": 14,
                "score_mean": 0.5,
                "scored": 3,
                "latency_ms_mean": 12 / 14,
                "latency_ms_max": 7.0,
            }
        ],
        "complete": True,
    }


async def test_groups_and_filters_are_named_in_the_query(api: Api) -> None:
    path = "/v1/metrics/query?granularity=minute&group_by=action&group_by=late&filter=action:block&filter=action:review&filter=late:true"
    groups = (await api.client.get(path)).json()["groups"]
    assert [(group["time"], group["dimensions"], group["count"]) for group in groups] == [
        (NOW_MINUTE_MS, {"action": "block", "late": "true"}, 1)
    ]
    groups = (await api.client.get("/v1/metrics/query?metric=matches&group_by=pattern&group_by=shadow")).json()["groups"]
    assert [(group["dimensions"], group["count"]) for group in groups] == [({"pattern": "card_testing", "shadow": "true"}, 4)]


async def test_times_are_milliseconds_or_rfc_3339(api: Api) -> None:
    counts = []
    for start, to in ((NOW_MINUTE_MS - 61 * MINUTE_MS, NOW_MINUTE_MS), ("2023-11-14T21:12:00Z", "2023-11-14T23:13:00%2B01:00")):
        answer = await api.client.get(f"/v1/metrics/query?from={start}&to={to}")
        counts.append([group["count"] for group in answer.json()["groups"]])
    assert counts == [[110], [110]]


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("metric=secrets", "metric"), ("granularity=week", "granularity"), ("limit=0", "limit"), ("limit=10001", "limit"),
        ("limit=x", "limit"), ("from=yesterday", "from"), ("from=1", "from"), ("to=2023-11-14T23:13:00", "to"), ("to=0", "from"),
        ("from=0", "from"), ("group_by=customer", "group_by"), ("group_by=event.customer", "group_by"),
        ("group_by=action&group_by=action", "group_by"), ("filter=action", "filter"), ("filter=customer:c1", "filter"),
        ("filter=late:perhaps", "filters.late"), ("filter=action:" + "x" * 300, "filters.action"),
        ("&".join(["filter=action:x"] * 101), "filters.action"), ("&".join(["filter=action:x"] * 900), "filter"),
        ("from=" + "9" * 40, "from"),
        ("filter=action') OR 1=1 --:x", "filter"), ("group_by=action;DROP TABLE metric", "group_by"),
    ],
)  # fmt: skip
async def test_a_bad_query_is_refused_by_the_name_of_its_part(api: Api, query: str, where: str) -> None:
    answer = await api.client.get(f"/v1/metrics/query?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert where in answer.json()["where"]
    assert answer.json()["expected"]


async def test_metrics_need_a_token(api: Api) -> None:
    assert (await api.client.get("/v1/metrics/query", headers={"authorization": ""})).status_code == 401


async def test_queries_that_wait_are_few_and_hold_up_no_other_route(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, asked = threading.Event(), []

    def stand_still(query: MetricQuery, fields: object) -> MetricAnswer:
        asked.append(query)
        gone.wait(30)
        raise MetricsUnavailableError("the test's store stands still")

    monkeypatch.setattr(api.metrics, "query", stand_still)
    api.keep("1")
    waiting = [asyncio.create_task(api.client.get("/v1/metrics/query")) for _ in range(QUERIES_MAX)]
    while len(asked) < QUERIES_MAX:
        await asyncio.sleep(0.01)
    refused = [await api.client.get("/v1/metrics/query") for _ in range(50)]
    assert {(answer.status_code, answer.headers["retry-after"]) for answer in refused} == {(503, "1")}
    assert (await api.client.get("/v1/decisions/1")).status_code == 200
    assert not any(task.done() for task in waiting)
    gone.set()
    answers = await asyncio.gather(*waiting)
    assert {answer.status_code for answer in answers} == {503}
    assert "store of metrics" in answers[0].json()["detail"]
    assert len(asked) == QUERIES_MAX


@pytest.mark.parametrize("away", ["metrics", "registry", "audit"])
async def test_without_what_only_queries_and_changes_need_the_system_is_still_ready_to_decide(api: Api, away: str) -> None:
    for part in api.health.parts:
        api.health.found(part, "")
    api.health.found(away, "the store stands still")
    answer = await api.client.get("/ready")
    assert answer.status_code == 200
    part = answer.json()["parts"][away]
    assert (part["ok"], part["detail"]) == (False, "the store stands still")
    for needed in ("store", "tokens"):
        api.health.found(needed, "down")
        assert (await api.client.get("/ready")).status_code == 503
        api.health.found(needed, "")


def test_the_settings_choose_the_store(api: Api) -> None:
    assert isinstance(open_metrics(Settings()), DuckDbMetrics)
    assert isinstance(open_metrics(msgspec.structs.replace(Settings(), metrics_store="druid")), DruidMetrics)


def test_a_server_that_is_not_there_is_unavailable_at_once(api: Api) -> None:
    store = DruidMetrics("http://127.0.0.1:1", "weir.metrics", 5)
    began = time.monotonic()
    with pytest.raises(MetricsUnavailableError):
        store.check()
    assert time.monotonic() - began < 5
    store.close()
