"""Learns from served events what cohorts know of their entities: where values usually lie, and how far out they are rare.

Each cell of a cohort (`patterns.thresholds.cells`) counts standardised values as they were served. A cell with few events borrows from
its parents: the same cell of all cohorts, then the band of history, then all events. What was alerted is compared with what was to be
expected, in each cell and in all together, and the share that is aimed at is moved until the two agree: so a drift, which standardised
values lag behind, does not raise the rate for good.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from patterns.thresholds.cells import BANDS, CELLS, CUTS, LEVELS, find_cell
from patterns.thresholds.entity_level import OWN_SPREAD, SPREAD, THRESHOLD, USUAL, WEIGHT, Bounds
from patterns.thresholds.tail_histogram import BINS, bin_of, exceeded_by
from patterns.thresholds.tail_table import NOTHING_KNOWN, TailTable

COHORTS_MAX: Final = 256
"""The number of cohorts with cells of their own; those that come later share the cells of row 0. A cohort takes 80 kB."""

SETTLED: Final = 1_000
"""The least number of events after which the first table is fitted."""

SPREADS_LEAST: Final = 200.0
"""The number of events of entities with a spread of their own after which the first table is fitted: values that are standardised by a
spread that is hardly known lie far out, and would raise the first thresholds of entities without a history for days."""

RARE_LEAST: Final = 10.0
"""The number of alerts that all events together would have given before any threshold is told."""

NEW_EVENTS: Final = 200
"""The number of new events for each cohort after which a table is fitted anew: so fitting costs at most 0.3 µs an event."""

REMEMBERED: Final = 100.0
"""A cell remembers its newest events: so many that this number of alerts is to be expected of them, but at most half of all it saw."""

BORROWED: Final = 0.3
"""A cell borrows from its parent as many events as would be expected to give this number of alerts."""

DAMPING: Final = 30.0
"""About so many alerts pass until a wrong rate is put right; so one alert more or less moves the rate by a part in as many."""

CORRECTION_MAX: Final = 3.0
"""The share that a quantile is aimed at is moved by at most this factor, up or down, by each of the two corrections."""

PRIOR_EVENTS: Final = 100.0
"""The weight, in events, with which a cohort's usual value and spread are drawn to those of all cohorts."""

NEWEST: Final = 20_000.0
"""Usual values and spreads of cohorts are means over about so many of the newest events."""

RECENT: Final = 1_024
"""Usual values of events of a cohort that its cuts are taken from: the newest ones."""

_MEMORY_LEAST: Final = 200.0
_TABLE: Final = "table."

TOTALS: Final = 4
"""Totals of a cell; the constants below are their positions: events ever seen, events with a threshold and alerts among them since the
last table, and the factor by which the share that its quantile is aimed at is moved."""
SEEN_EVER, SERVED, ALERTS, CORRECTION = range(TOTALS)


@dataclass(slots=True)
class TailLearner:
    """Learns the tail of one threshold; costs about 0.3 µs an event.

    Args:
        rate: the share of events that are to lie above the threshold, in (0, 0.5].
        bounds: what the rule declares: a threshold that stands on its floor or cap says nothing about the rate.
    """

    rate: float
    bounds: Bounds
    table: TailTable = NOTHING_KNOWN
    _rows: dict[int, int] = field(default_factory=dict)
    _counts: NDArray[np.float64] = field(default_factory=lambda: np.zeros((1, CELLS, BINS)))
    _totals: NDArray[np.float64] = field(default_factory=lambda: _no_totals(1))
    _correction: float = 1.0
    _new: int = 0
    _means: NDArray[np.float64] = field(default_factory=lambda: np.zeros((1, 1 + LEVELS, 2)))
    _recent: NDArray[np.float64] = field(default_factory=lambda: np.full((1, RECENT), np.nan))

    def see(self, cohorts: NDArray[np.int64], values: NDArray[np.float64], seen: NDArray[np.float64]) -> None:
        """Takes in events that were served, each once, in their order.

        Args:
            cohorts: [n] keys of the events' cohorts; where the rule declares none, zeros.
            values: [n] the values that were compared with the threshold; those that are NaN are passed over.
            seen: [n, SEEN] what `entity_level.look` said of each.
        """
        rows = self._rows_of(cohorts)
        cuts = self.table.cuts[self.table.rows_of(cohorts)]
        self._new += int(np.count_nonzero(~np.isnan(values)))
        _see(rows, values, seen, cuts, self.bounds.floor, self.bounds.cap, self._counts, self._totals, self._means, self._recent)

    @property
    def is_due(self) -> bool:
        """Whether enough new events were seen for a new table."""
        return self._is_settled and self._new >= NEW_EVENTS * len(self._counts)

    @property
    def _is_settled(self) -> bool:
        return bool(self._means[0, 0, 1] >= SETTLED and self._means[0, 1:, 1].sum() >= SPREADS_LEAST)

    def fit(self) -> TailTable | None:
        """Fits the table of a new snapshot and returns it.

        None before `SETTLED` events, `SPREADS_LEAST` of them of entities that are known, and where the table that there is knows quantiles
        and too few events are remembered for others.
        """
        enough = self._counts.sum() * self.rate >= RARE_LEAST
        if not self._is_settled or (not enough and np.isfinite(self.table.quantiles).any()):
            return None
        self._new = 0
        keys = np.array(sorted(self._rows), np.int64)
        order = np.array([0, *(self._rows[key] for key in keys.tolist())])
        quantiles = np.full((len(order), CELLS), np.nan)
        self._correction = _correct(self._totals, self.rate, self._correction)
        if enough:
            _fit(self._counts[order], self._totals[order, :, CORRECTION] * self._correction, self.rate, quantiles)
        usual, spread = self._priors(order)
        self.table = TailTable(keys, usual, spread, self._cuts(order), quantiles, self._counts[order].sum(axis=2))
        _forget(self._counts, self._totals, REMEMBERED / self.rate)
        return self.table

    def state(self, counted: bool = True) -> dict[str, NDArray[Any]]:
        """Returns what `resume` takes.

        Args:
            counted: with what was counted, which takes most of it. Without it the table stays until enough new events are counted.
        """
        rows = np.array([*self._rows.items()], np.int64).reshape(-1, 2)
        own = {
            "rows": rows,
            "means": self._means,
            "recent": self._recent,
            "totals": self._totals,
            "correction": np.array([self._correction]),
            "new": np.array([self._new]),
        }
        places = np.flatnonzero(self._counts) if counted else np.zeros(0, np.int64)
        own |= {"places": places.astype(np.int32), "counts": self._counts.reshape(-1)[places]}
        return {**own, **{f"{_TABLE}{name}": array for name, array in self.table.arrays().items()}}

    def resume(self, state: dict[str, NDArray[Any]]) -> None:
        """Goes on from `state`."""
        self._rows = {int(key): int(row) for key, row in state["rows"]}
        self._means, self._recent, self._totals = (state[name].copy() for name in ("means", "recent", "totals"))
        self._correction = float(state["correction"][0])
        self._new = int(state["new"][0])
        self._counts = np.zeros((len(self._means), CELLS, BINS))
        self._counts.reshape(-1)[state["places"]] = state["counts"]
        self.table = TailTable.from_arrays({name.removeprefix(_TABLE): array for name, array in state.items() if name.startswith(_TABLE)})

    def _rows_of(self, cohorts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Gives new cohorts rows, as long as there are some."""
        rows = np.empty(len(cohorts), np.int64)
        for at, key in enumerate(cohorts.tolist()):
            row = self._rows.get(key)
            if row is None:
                row = 0
                if key and len(self._rows) < COHORTS_MAX:
                    row = self._rows[key] = len(self._rows) + 1
            rows[at] = row
        self._grow(len(self._rows) + 1)
        return rows

    def _grow(self, rows: int) -> None:
        more = rows - len(self._counts)
        if more > 0:
            self._counts = np.concatenate([self._counts, np.zeros((more, CELLS, BINS))])
            self._totals = np.concatenate([self._totals, _no_totals(more)])
            self._means = np.concatenate([self._means, np.zeros((more, 1 + LEVELS, 2))])
            self._recent = np.concatenate([self._recent, np.full((more, RECENT), np.nan)])

    def _priors(self, order: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The usual value [c] of each cohort, and the spread [c, LEVELS], drawn to those of all cohorts and levels."""
        means, counted = self._means[order, :, 0], self._means[order, :, 1]
        usual = _drawn(means[:, 0], counted[:, 0], means[0, 0])
        whole = np.average(means[0, 1:], weights=counted[0, 1:]) if counted[0, 1:].any() else 0.0
        levels = _drawn(means[0, 1:], counted[0, 1:], np.full(LEVELS, whole))
        return usual, np.sqrt(_drawn(means[:, 1:], counted[:, 1:], levels))

    def _cuts(self, order: NDArray[np.int64]) -> NDArray[np.float64]:
        shares = np.arange(1, LEVELS) / LEVELS
        cuts = np.empty((len(order), CUTS))
        for at, row in enumerate(order.tolist()):
            known = self._recent[row][~np.isnan(self._recent[row])]
            cuts[at] = np.quantile(known, shares) if len(known) else 0.0
        return cuts


def _no_totals(rows: int) -> NDArray[np.float64]:
    totals = np.zeros((rows, CELLS, TOTALS))
    totals[:, :, CORRECTION] = 1.0
    return totals


def _drawn(means: NDArray[np.float64], counted: NDArray[np.float64], to: NDArray[np.float64]) -> NDArray[np.float64]:
    drawn: NDArray[np.float64] = (means * counted + to * PRIOR_EVENTS) / (counted + PRIOR_EVENTS)
    return drawn


@compiled("void(float64[:], float64)")
def _note_mean(mean: NDArray[np.float64], value: float) -> None:
    mean[1] += 1.0
    mean[0] += (value - mean[0]) / min(mean[1], NEWEST)


@compiled("void(float64[:, :], float64[:], float64, float64, float64, int64)")
def _note_place(means: NDArray[np.float64], recent: NDArray[np.float64], value: float, usual: float, own_spread: float, level: int) -> None:
    """Takes one event into the usual value, the usual values and the spread of a cohort."""
    recent[int(means[0, 1]) % RECENT] = value if np.isnan(usual) else usual
    _note_mean(means[0], value)
    if not np.isnan(own_spread):
        _note_mean(means[1 + level], own_spread * own_spread)


@compiled(
    "void(int64[:], float64[:], float64[:, :], float64[:, :], float64, float64,"
    " float64[:, :, :], float64[:, :, :], float64[:, :, :], float64[:, :])"
)
def _see(
    rows: NDArray[np.int64],
    values: NDArray[np.float64],
    seen: NDArray[np.float64],
    cuts: NDArray[np.float64],
    floor: float,
    cap: float,
    counts: NDArray[np.float64],
    totals: NDArray[np.float64],
    means: NDArray[np.float64],
    recent: NDArray[np.float64],
) -> None:
    for i in range(len(rows)):
        if np.isnan(values[i]):
            continue
        usual, spread, threshold = seen[i, USUAL], seen[i, SPREAD], seen[i, THRESHOLD]
        cell = find_cell(seen[i, WEIGHT], usual, cuts[i])
        value = values[i] if not values[i] > threshold else threshold
        _note_place(means[0], recent[0], value, usual, seen[i, OWN_SPREAD], cell % LEVELS)
        if rows[i]:
            _note_place(means[rows[i]], recent[rows[i]], value, usual, seen[i, OWN_SPREAD], cell % LEVELS)
        if not spread > 0.0:
            continue
        counts[rows[i], cell, bin_of((values[i] - usual) / spread)] += 1.0
        total = totals[rows[i], cell]
        total[SEEN_EVER] += 1.0
        if floor < threshold < cap:
            total[SERVED] += 1.0
            total[ALERTS] += 1.0 if values[i] > threshold else 0.0


@compiled("float64(float64, float64, float64)")
def _moved(correction: float, expected: float, alerts: float) -> float:
    """The next correction, where so many alerts were expected and given under this one."""
    return min(max(correction * (expected + DAMPING) / (alerts + DAMPING), 1.0 / CORRECTION_MAX), CORRECTION_MAX)


@compiled("float64(float64[:, :, :], float64, float64)")
def _correct(totals: NDArray[np.float64], rate: float, correction: float) -> float:
    """Moves the correction of each cell, begins to count anew, and returns that of all together."""
    expected = alerts = 0.0
    for row in range(len(totals)):
        for cell in range(CELLS):
            total = totals[row, cell]
            expected += total[SERVED] * rate
            alerts += total[ALERTS]
            total[CORRECTION] = _moved(total[CORRECTION], total[SERVED] * rate, total[ALERTS])
            total[SERVED] = total[ALERTS] = 0.0
    return _moved(correction, expected, alerts)


@compiled("void(float64[:, :, :], float64[:, :], float64, float64[:, :])")
def _fit(counts: NDArray[np.float64], corrections: NDArray[np.float64], rate: float, quantiles: NDArray[np.float64]) -> None:
    borrowed = BORROWED / rate
    whole = np.zeros(BINS)
    for row in range(len(counts)):
        for cell in range(CELLS):
            whole += counts[row, cell]
    for band in range(BANDS):
        of_band = np.zeros(BINS)
        for row in range(len(counts)):
            for level in range(LEVELS):
                of_band += counts[row, band * LEVELS + level]
        of_band += whole * (borrowed / whole.sum())
        for level in range(LEVELS):
            cell = band * LEVELS + level
            of_cell = of_band * (borrowed / of_band.sum())
            for row in range(len(counts)):
                of_cell += counts[row, cell]
            of_cell *= borrowed / of_cell.sum()
            for row in range(len(counts)):
                own = counts[row, cell] + of_cell
                quantiles[row, cell] = exceeded_by(own, rate * corrections[row, cell] * own.sum())


@compiled("void(float64[:, :, :], float64[:, :, :], float64)")
def _forget(counts: NDArray[np.float64], totals: NDArray[np.float64], memory: float) -> None:
    """Lets each cell count its older events less, so that what it remembers stays within its bound."""
    for row in range(len(counts)):
        for cell in range(CELLS):
            held = counts[row, cell].sum()
            kept = min(memory, max(totals[row, cell, SEEN_EVER] / 2.0, _MEMORY_LEAST))
            if held > kept:
                counts[row, cell] *= kept / held
