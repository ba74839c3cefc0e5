"""Deltas of metrics on a real topic, written in transactions as the metrics job writes them. For tests only."""

import random
import uuid

import msgspec
from confluent_kafka import Producer

from foundation.settings import Settings
from pipeline.control.kafka_access import connection_of
from stores.metrics.metric_rows import MINUTE_MS, MetricRow
from stores.metrics.metrics import MetricGroup, MetricQuery, Metrics

START_MS = 1_795_424_400_000
RANGE = {"from_ms": START_MS - 4_000 * MINUTE_MS, "to_ms": START_MS + 4_000 * MINUTE_MS}
FIELDS = ("merchant_category",)


def delta(draw: random.Random, minute: int) -> MetricRow:
    """One row; its figures add up without rounding."""
    count = draw.randrange(1, 9)
    return MetricRow(
        time=START_MS + minute * MINUTE_MS, metric="decisions", count=count, action=draw.choice(["approve", "review", "block"]),
        score_band="0.1-0.2", late=draw.random() < 0.2, dimensions={"merchant_category": draw.choice(["grocery", "travel", ""])},
        scored=count, score_sum=count * draw.randrange(8) / 8, latency_ms_sum=count * draw.randrange(40) / 4,
        latency_ms_max=draw.randrange(80) / 4,
    )  # fmt: skip


class MetricStream:
    """Writes to topic ``metrics`` of `settings` and remembers what was committed."""

    def __init__(self, settings: Settings, seed: int = 1) -> None:
        self.committed: list[MetricRow] = []
        self.draw = random.Random(seed)
        self._topic = settings.topic("metrics")
        self._producer = Producer({**connection_of(settings), "transactional.id": str(uuid.uuid4()), "linger.ms": 1})
        self._producer.init_transactions(30)

    def write(self, count: int, *, commit: bool = True, minutes: tuple[int, int] = (0, 120)) -> None:
        """`count` deltas in one transaction, of random minutes; an aborted one is flushed to the broker before."""
        rows = [delta(self.draw, self.draw.randrange(*minutes)) for _ in range(count)]
        self._producer.begin_transaction()
        for row in rows:
            self._producer.produce(self._topic, msgspec.json.encode(row))
        self._producer.flush(30)
        if commit:
            self._producer.commit_transaction(30)
            self.committed += rows
        else:
            self._producer.abort_transaction(30)

    def write_raw(self, values: list[bytes]) -> None:
        """Records that are none of metrics."""
        self._producer.begin_transaction()
        for value in values:
            self._producer.produce(self._topic, value)
        self._producer.commit_transaction(30)

    @property
    def total(self) -> int:
        return sum(row.count for row in self.committed)

    def figures(self) -> list[tuple[object, ...]]:
        """What the committed rows add up to, by hour, action and category."""
        found: dict[tuple[int, str, str], list[float]] = {}
        for row in self.committed:
            key = (row.time // (60 * MINUTE_MS), row.action, row.dimensions["merchant_category"])
            sums = found.setdefault(key, [0, 0, 0, 0.0])
            sums[0] += row.count
            sums[1] += row.score_sum
            sums[2] += row.latency_ms_sum
            sums[3] = max(sums[3], row.latency_ms_max)
        return sorted((*key, sums[0], sums[1] / sums[0], sums[2] / sums[0], sums[3]) for key, sums in found.items())


def total_of(store: Metrics) -> int:
    """All decisions that `store` knows of."""
    return sum(group.count for group in store.query(MetricQuery(metric="decisions", **RANGE), FIELDS).groups)


def figures_of(store: Metrics) -> list[tuple[object, ...]]:
    """As `MetricStream.figures`, of a store."""
    asked = MetricQuery(metric="decisions", granularity="hour", group_by=("action", "event.merchant_category"), limit=10_000, **RANGE)
    return sorted(_figures(group) for group in store.query(asked, FIELDS).groups)


def _figures(group: MetricGroup) -> tuple[object, ...]:
    return (
        group.time // (60 * MINUTE_MS),
        *group.dimensions.values(),
        group.count,
        group.score_mean,
        group.latency_ms_mean,
        group.latency_ms_max,
    )
