"""CPU time of an event by the number of events in its window: from ten to a million, for one key.

The fills take turns and the medians are compared, so that the machine's neighbours hit all alike. Before timing, the last answers of
each fill are compared with ones made anew from all its events.
"""

import json
import statistics
import sys
import time

import numpy as np

from features.profiles.profiles import Profiles
from features.profiles.warm_kernels import compile_kernels
from features.schema.batch import Batch
from features.schema.schema import read_schema
from features.sets.feature_set import FeatureSet, read_features

FILLS = (10, 1_000, 100_000, 1_000_000)
EVENTS, BATCH, ROUNDS = 20_000, 4_096, 7
RATIO_MAX = 1.3
SCHEMA = read_schema(
    "{id: {field: id, type: integer}, time: {field: time}, user: user, retention: 365d,"
    " fields: {amount: {type: decimal, retain: true}, category: {type: string, retain: true}}}"
)
GROUPS = {
    "count, sum, mean": ("count", "sum", "mean"),
    "min, max": ("min", "max"),
    "distinct, top_share": ("distinct", "top_share"),
    "quantile_rank": ("quantile_rank",),
}
_OF = {"count": "", "distinct": ", value: event.category", "top_share": ", value: event.category"}


def features_of(templates: tuple[str, ...], events: int) -> FeatureSet:
    """The templates over a window that holds so many events, one a second."""
    lines = (f"- {{name: {t}, template: {t}, window: {events}s{_OF.get(t, ', value: event.amount')}}}" for t in templates)
    return read_features("\n".join(lines), SCHEMA)


class Stream:
    """One key with a full window, and events that follow.

    Args:
        templates: what is computed.
        fill: events in the window.
    """

    def __init__(self, templates: tuple[str, ...], fill: int) -> None:
        self.features = features_of(templates, fill)
        self.plan = self.features.plans["user"]
        self.fill = fill
        self._profiles = Profiles(self.plan, durable=False)
        self._random = np.random.default_rng(fill)
        self.amounts, self.categories = np.zeros(0), np.zeros(0, dtype=object)
        self.take(fill + BATCH)

    def take(self, events: int) -> float:
        """CPU seconds for so many more events."""
        first = len(self.amounts)
        amounts = np.floor(self._random.lognormal(8.0, 1.0, events))
        categories = np.array([f"c{n}" for n in range(12)], dtype=object)[self._random.integers(0, 12, events)]
        self.amounts, self.categories = np.append(self.amounts, amounts), np.append(self.categories, categories)
        seconds = 0.0
        for at in range(0, events, BATCH):
            part = slice(at, min(at + BATCH, events))
            seconds += self._observe(first + part.start, amounts[part], categories[part].tolist())
        return seconds

    def _observe(self, first: int, amounts: np.ndarray, categories: list[str]) -> float:
        n = len(amounts)
        ids = np.arange(first, first + n, dtype=np.int64)
        times = 1_600_000_000_000 + 1_000 * ids
        batch = Batch([""] * n, ids, ids, times, [""] * n, {}, amounts.reshape(-1, 1), ids, {"category": categories})
        values = self.plan.row_values.of(batch)
        slots = self._profiles.slots(["k"] * n)
        out = np.empty((n, self.plan.width))
        began = time.process_time()
        self._profiles.observe(slots, batch, values, out)
        self.last = self.features.finish("user", out, values, times)[-1]
        return time.process_time() - began

    def check(self) -> None:
        """The newest answer against one made anew."""
        amounts, categories = self.amounts[-self.fill :] / 100.0, self.categories[-self.fill :].tolist()
        counts = {category: categories.count(category) for category in set(categories)}
        before = amounts[:-1]
        wanted = {
            "count": self.fill,
            "sum": amounts.sum(),
            "mean": amounts.mean(),
            "min": amounts.min(),
            "max": amounts.max(),
            "distinct": len(counts),
            "top_share": max(counts.values()) / self.fill,
            "quantile_rank": ((before < amounts[-1]).sum() + 0.5 * (before == amounts[-1]).sum()) / len(before),
        }
        for name, got in zip(self.features.names, self.last.tolist(), strict=True):
            if not np.isclose(got, wanted[name], rtol=1e-9, atol=0):
                raise AssertionError(f"{name} over {self.fill} events: {got} in place of {wanted[name]}")


def measured(templates: tuple[str, ...]) -> dict[str, object]:
    """Microseconds of CPU an event, by fill, and the largest against the smallest."""
    streams = [Stream(templates, fill) for fill in FILLS]
    costs: dict[int, list[float]] = {fill: [] for fill in FILLS}
    for _ in range(ROUNDS):
        for stream in streams:
            costs[stream.fill].append(stream.take(EVENTS) / EVENTS * 1e6)
    for stream in streams:
        stream.check()
    medians = {fill: round(statistics.median(of_fill), 3) for fill, of_fill in costs.items()}
    ratios = [costs[FILLS[-1]][at] / costs[FILLS[0]][at] for at in range(ROUNDS)]
    return {"us_by_fill": medians, "million_to_ten": round(statistics.median(ratios), 2)}


def run() -> dict[str, object]:
    """All groups."""
    compile_kernels()
    groups = {name: measured(templates) for name, templates in GROUPS.items()}
    met = {name: float(str(group["million_to_ten"])) <= RATIO_MAX for name, group in groups.items()}
    return {"what": "CPU us an event of one key, by events in its window", "groups": groups, "bar": RATIO_MAX, "met": met}


if __name__ == "__main__":
    result = run()
    json.dump(result, sys.stdout, indent=1)
    sys.exit(0 if all(result["met"].values()) else 1)  # type: ignore[attr-defined]
