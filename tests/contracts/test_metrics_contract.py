"""What every store of event metrics keeps to, on the same rows; a new implementation joins `STORES`."""

import collections
import contextlib
import itertools
import json
import random
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.servers.druid_supervisor import apply_supervisor
from foundation.refusal import Refusal
from pipeline.sinks.metric_store import open_metrics
from stores.metrics.duckdb_metrics import DuckDbMetrics
from stores.metrics.metric_rows import MINUTE_MS, NO_SCORE, SCORE_BANDS, MetricRow
from stores.metrics.metrics import MetricGroup, MetricQuery, Metrics

START_MS = 1_795_424_400_000  # a whole hour, and not a whole day
HOUR_MS = 60 * MINUTE_MS
FIELDS = ("merchant_category", "card.country", "free")
NASTY = ("", "'", "') OR 1=1 --", '"', "\\", "$['x']", "ü", "😀", "a\nb", "*", "null", "${x}", "a\x00b", "～", "'; DROP TABLE metric; --")
SECONDS_MAX = 60


def made_rows() -> list[MetricRow]:
    """The same 3,000 deltas for every store: many of one minute and combination, some days apart."""
    draw = random.Random(5)
    rows = []
    for _ in range(3_000):
        time_ms = START_MS + MINUTE_MS * draw.choice([draw.randrange(240), draw.randrange(-2_000, 4_000)])
        dimensions = {"merchant_category": draw.choice(["grocery", "travel", ""]), "card.country": draw.choice(["DE", "FR"])}
        if draw.random() < 0.3:
            dimensions["free"] = draw.choice(NASTY)
        count = draw.randrange(1, 5)
        if draw.random() < 0.8:
            scored = draw.choice([0, count])
            rows.append(
                MetricRow(
                    time=time_ms, metric="decisions", count=count, action=draw.choice(["approve", "review", "block"]),
                    score_band=draw.choice(SCORE_BANDS) if scored else NO_SCORE, revised=draw.random() < 0.1,
                    degraded=draw.random() < 0.1, late=draw.random() < 0.1, dimensions=dimensions, scored=scored,
                    score_sum=scored * draw.randrange(9) / 8, latency_ms_sum=count * draw.randrange(40) / 4,
                    latency_ms_max=draw.randrange(80) / 4, decided_by=("score", "fallback", "bypass")[count % 3],
                )
            )  # fmt: skip
        else:
            pattern, version = draw.choice(["card_testing", "mule"]), draw.choice(["1", "2"])
            shadow = draw.random() < 0.5
            rows.append(
                MetricRow(
                    time=time_ms, metric="matches", count=count, action="review", dimensions=dimensions, pattern=pattern,
                    version=version, shadow=shadow,
                )
            )  # fmt: skip
    return rows


ROWS = made_rows()


def in_duckdb(request: pytest.FixtureRequest) -> Iterator[Metrics]:
    store = DuckDbMetrics(request.getfixturevalue("tmp_path_factory").mktemp("duckdb") / "metrics.duckdb", 30)
    for start in range(0, len(ROWS), 700):
        store.add(ROWS[start : start + 700], {"weir.metrics/0": start + 700})
    yield store


def in_druid(request: pytest.FixtureRequest) -> Iterator[Metrics]:
    druid = request.getfixturevalue("druid")
    settings = druid.settings("contract.")
    topic = settings.topic("metrics")
    admin = AdminClient({"bootstrap.servers": druid.bootstrap})
    admin.create_topics([NewTopic(topic, 2, 1)])[topic].result(30)
    producer = Producer({"bootstrap.servers": druid.bootstrap})
    for row in ROWS:
        producer.produce(topic, msgspec.json.encode(row))
    producer.flush()
    assert apply_supervisor(settings) == "made"
    store = open_metrics(msgspec.structs.replace(settings, metrics_timeout_ms=30_000))
    deadline = time.monotonic() + SECONDS_MAX
    while total(store) < sum(row.count for row in ROWS):
        assert time.monotonic() < deadline, f"only {total(store)} have arrived"
        time.sleep(0.2)
    yield store
    druid.stop_reading(settings)


STORES: dict[str, Callable[[pytest.FixtureRequest], Iterator[Metrics]]] = {"duckdb": in_duckdb, "druid": in_druid}


@pytest.fixture(scope="module", params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[Metrics]:
    with contextlib.contextmanager(STORES[request.param])(request) as made:
        yield made
        made.close()


def query(**values: object) -> MetricQuery:
    given = {"metric": "decisions", "from_ms": START_MS - 4_000 * MINUTE_MS, "to_ms": START_MS + 6_000 * MINUTE_MS, "limit": 10_000}
    return MetricQuery(**(given | values))  # type: ignore[arg-type]


def total(store: Metrics) -> int:
    metrics = ("decisions", "matches")
    return sum(group.count for metric in metrics for group in store.query(query(metric=metric), FIELDS).groups)


def value(row: MetricRow, name: str) -> str:
    if name.startswith("event."):
        return row.dimensions.get(name.removeprefix("event."), "")
    found = getattr(row, name)
    return str(found).lower() if isinstance(found, bool) else found


def expected(asked: MetricQuery) -> list[MetricGroup]:
    """By brute force, from the rows themselves."""
    step = {"minute": MINUTE_MS, "5m": 5 * MINUTE_MS, "hour": HOUR_MS, "day": 24 * HOUR_MS}.get(asked.granularity)
    groups = collections.defaultdict(list)
    for row in ROWS:
        if row.metric != asked.metric or not asked.from_ms <= row.time < asked.to_ms:
            continue
        if all(value(row, name) in allowed for name, allowed in asked.filters.items()):
            start = row.time // step * step if step else asked.from_ms
            groups[start, tuple(value(row, name) for name in asked.group_by)].append(row)
    found = []
    for (start, values), rows in groups.items():
        count, scored = sum(row.count for row in rows), sum(row.scored for row in rows)
        timed = asked.metric == "decisions"
        found.append(
            MetricGroup(
                time=start, dimensions=dict(zip(asked.group_by, values, strict=True)), count=count,
                score_mean=sum(row.score_sum for row in rows) / scored if scored else None, scored=scored,
                latency_ms_mean=sum(row.latency_ms_sum for row in rows) / count if timed else None,
                latency_ms_max=max(row.latency_ms_max for row in rows) if timed else None,
            )
        )  # fmt: skip
    return sorted(found, key=lambda group: (group.time, -group.count, [each.encode() for each in group.dimensions.values()]))


@pytest.mark.parametrize("granularity", ["minute", "5m", "hour", "day", "all"])
@pytest.mark.parametrize(
    "group_by",
    [(), ("action",), ("event.merchant_category", "late"), ("decided_by", "action"), ("score_band", "revised", "degraded", "event.free")],
)
def test_groups_are_what_the_rows_add_up_to(store: Metrics, granularity: str, group_by: tuple[str, ...]) -> None:
    asked = query(granularity=granularity, group_by=group_by)
    wanted = expected(asked)
    assert len(wanted) > (granularity != "all")
    answer = store.query(asked, FIELDS)
    assert answer.complete
    assert answer.groups == wanted


@pytest.mark.parametrize("granularity", ["hour", "all"])
def test_matches_are_counted_by_pattern_and_have_no_latency(store: Metrics, granularity: str) -> None:
    asked = query(metric="matches", granularity=granularity, group_by=("pattern", "version", "shadow", "event.card.country"))
    found = store.query(asked, FIELDS).groups
    assert found == expected(asked)
    assert {group.latency_ms_mean for group in found} == {None}


def test_the_start_counts_and_the_end_does_not(store: Metrics) -> None:
    times = sorted({row.time for row in ROWS})
    asked = query(from_ms=times[10], to_ms=times[40], granularity="minute")
    found = store.query(asked, FIELDS).groups
    assert found == expected(asked)
    assert found[0].time == times[10]
    assert found[-1].time < times[40]


def test_a_range_that_begins_within_a_step_has_its_part_of_it(store: Metrics) -> None:
    asked = query(from_ms=START_MS + 17 * MINUTE_MS, to_ms=START_MS + 143 * MINUTE_MS, granularity="hour", group_by=("action",))
    found = store.query(asked, FIELDS).groups
    assert found == expected(asked)
    assert found[0].time == START_MS
    asked = query(from_ms=START_MS + 17 * MINUTE_MS, to_ms=START_MS + 143 * MINUTE_MS)
    [group] = store.query(asked, FIELDS).groups
    assert [group] == expected(asked)


@pytest.mark.parametrize(
    "filters",
    [
        {"action": ("block",)},
        {"action": ("block", "review"), "late": ("true",)},
        {"event.merchant_category": ("grocery", ""), "degraded": ("false",), "score_band": ("0.9-1.0", "none")},
        {"event.card.country": ("nowhere",)},
        {"decided_by": ("", "bypass")},
    ],
)
def test_filters_leave_what_has_one_of_their_values(store: Metrics, filters: dict[str, tuple[str, ...]]) -> None:
    asked = query(filters=filters, group_by=("action", "event.merchant_category"))
    assert store.query(asked, FIELDS).groups == expected(asked)


@pytest.mark.parametrize("nasty", NASTY)
def test_a_value_is_a_value_whatever_it_says(store: Metrics, nasty: str) -> None:
    asked = query(filters={"event.free": (nasty,)}, group_by=("event.free",))
    wanted = expected(asked)
    assert [group.dimensions["event.free"] for group in wanted] == [nasty]
    assert store.query(asked, FIELDS).groups == wanted
    for name in ("action", "score_band", "event.card.country"):
        asked = query(filters={name: (nasty,)})
        assert store.query(asked, FIELDS).groups == expected(asked) == []
    assert total(store) == sum(row.count for row in ROWS)


@pytest.mark.parametrize(
    "name",
    [
        "user", "time", "count", "metric", "event", "event.", "event.secret", "pattern", "action; DROP TABLE metric",
        "event.x'] OR 1=1 --", '"action"', "ACTION",
    ],
)  # fmt: skip
def test_an_unknown_dimension_is_refused_with_the_known_ones(store: Metrics, name: str) -> None:
    for asked in (query(group_by=(name,)), query(filters={name: ("x",)})):
        with pytest.raises(Refusal, match="unknown dimension") as refusal:
            store.query(asked, FIELDS)
        assert (
            "action, decided_by, score_band, revised, degraded, late, event.card.country, event.free, event.merchant_category"
            in refusal.value.expected
        )


def test_a_field_whose_name_is_no_name_is_not_known_even_when_it_is_allowed(store: Metrics) -> None:
    with pytest.raises(Refusal, match="unknown dimension"):
        store.query(query(group_by=("event.x'] --",)), ("x'] --",))


def test_a_field_that_no_row_has_is_empty(store: Metrics) -> None:
    [group] = store.query(query(group_by=("event.new",)), ("new",)).groups
    assert group.dimensions == {"event.new": ""}
    assert group.count == sum(row.count for row in ROWS if row.metric == "decisions")


def test_a_limit_leaves_the_first_groups_and_says_that_there_are_more(store: Metrics) -> None:
    asked = query(granularity="hour", group_by=("action", "event.merchant_category"))
    wanted = expected(asked)
    for limit in (1, 7, len(wanted) - 1):
        answer = store.query(msgspec.structs.replace(asked, limit=limit), FIELDS)
        assert not answer.complete
        assert answer.groups == wanted[:limit]
    assert store.query(msgspec.structs.replace(asked, limit=len(wanted)), FIELDS).complete


def test_where_nothing_was_counted_there_is_no_group(store: Metrics) -> None:
    far = START_MS + 100_000 * MINUTE_MS
    for granularity, group_by in itertools.product(("all", "hour"), ((), ("action",))):
        asked = query(from_ms=far, to_ms=far + HOUR_MS, granularity=granularity, group_by=group_by)
        assert store.query(asked, FIELDS).groups == []


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"from_ms": START_MS + 1}, "bad time"),
        ({"from_ms": -MINUTE_MS, "to_ms": MINUTE_MS}, "bad time"),
        ({"from_ms": START_MS, "to_ms": START_MS}, "bad range"),
        ({"from_ms": START_MS, "to_ms": START_MS - MINUTE_MS}, "bad range"),
        ({"from_ms": 0}, "bad range"),
        ({"from_ms": 253_402_300_800_000 - MINUTE_MS, "to_ms": 253_402_300_800_000 + MINUTE_MS}, "bad time"),
        ({"from_ms": 10**30 * MINUTE_MS, "to_ms": (10**30 + 1) * MINUTE_MS}, "bad time"),
        ({"from_ms": START_MS - 30_000 * MINUTE_MS, "granularity": "minute"}, "too many steps"),
        ({"limit": 0}, "bad limit"),
        ({"limit": 10_001}, "bad limit"),
        ({"group_by": ("action", "action")}, "bad grouping"),
        ({"group_by": ("action", "score_band", "revised", "degraded", "late")}, "bad grouping"),
        ({"filters": {"action": ()}}, "bad filter"),
        ({"filters": {"action": ("x",) * 101}}, "bad filter"),
        ({"filters": {"action": ("x" * 257,)}}, "bad filter"),
        ({"filters": {"late": ("maybe",)}}, "bad filter"),
        ({"granularity": "week"}, "unknown metric or granularity"),
        ({"metric": "secrets"}, "unknown metric or granularity"),
    ],
)
def test_a_query_out_of_bounds_is_refused(store: Metrics, values: dict[str, object], what: str) -> None:
    with pytest.raises(Refusal, match=what):
        store.query(query(**values), FIELDS)


def test_a_store_that_can_be_asked_passes_its_check(store: Metrics) -> None:
    store.check()


def test_a_row_is_written_as_the_topic_has_it() -> None:
    row = json.loads(msgspec.json.encode(ROWS[0]))
    assert set(row) == set(MetricRow.__struct_fields__)
    assert msgspec.convert(row, MetricRow) == ROWS[0]
