"""Decisions added up by event-time minute and dimensions: what leaves are deltas, a row a combination, before each checkpoint."""

import logging
from typing import Annotated, Any

import msgspec

from pipeline.flink.state import BulkState
from pipeline.sinks.deduplication import FirstDecisions, FirstWins
from pipeline.wire.bodies import read_placed_record
from pipeline.wire.bundle import read_bundle
from pipeline.wire.declaration import Kind, Tag
from pipeline.wire.frames import add_record
from stores.metrics.metric_rows import MINUTE_MS, NO_SCORE, SCORE_BANDS, MetricRow

log = logging.getLogger(__name__)

VALUES_MAX = 200
"""Different values of one dimension between two checkpoints; a further one is counted as `OTHER`."""
OTHER = "(other)"
ROWS_MAX = 100_000
"""Combinations held between two checkpoints; more leave at once, as rows of their own."""

Key = tuple[Any, ...]
Whole = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
"""What a row can hold."""


class Match(msgspec.Struct):
    """A pattern that matched."""

    pattern: str = ""
    version: Whole | str = ""
    shadow: bool = False
    action: str = ""


class CountedDecision(msgspec.Struct):
    """What is counted of a decision."""

    user: str
    event_id: str
    revision: Whole
    event_time: Whole
    score: float | None
    action: str
    latency_ms: float = 0.0
    flags: list[str] = []
    decided_by: str = ""
    matches: list[Match] = []
    dimensions: dict[str, str] = {}


_decode = msgspec.json.Decoder(CountedDecision).decode
_encode = msgspec.json.Encoder().encode


class RollUp:
    """Decisions in, rows of event metrics out. Needs no watermark: a late decision is a delta of a minute long past.

    Nothing that it holds outlives a checkpoint, so that rows and offsets are committed together: each decision is counted exactly once.
    About 4 µs a decision.

    Args:
        state: Flink's keyed state of the operator, by partition.
        window: see `FirstWins`.
    """

    def __init__(self, state: BulkState, window: int) -> None:
        self.taken = FirstDecisions(_decode, FirstWins(state, window))
        self._sums: dict[Key, list[float]] = {}
        self._values: dict[str, set[str]] = {}

    def process(self, data: bytes) -> bytes:
        """Rows before a checkpoint, or when too many are held; else nothing."""
        bundle = read_bundle(data)
        if bundle.kind == Kind.BARRIER:
            self.taken.save()
            return self._rows()
        for body in bundle.bodies:
            self.taken.take(read_placed_record(body), self._count)
        return self._rows() if len(self._sums) > ROWS_MAX else b""

    def _count(self, decision: CountedDecision) -> None:
        minute_ms = decision.event_time // MINUTE_MS * MINUTE_MS
        dimensions = tuple((name, self._value(name, text)) for name, text in decision.dimensions.items())
        flags = decision.flags
        key = (
            *(minute_ms, dimensions, decision.action, decision.decided_by, band_of(decision.score)),
            *(decision.revision > 0, "degraded" in flags, "late" in flags),
        )
        of_matches = [(minute_ms, dimensions, match.action, match.pattern, str(match.version), match.shadow) for match in decision.matches]
        sums = self._sums.get(key)
        if sums is None:
            sums = self._sums[key] = [0, 0.0, 0, 0.0, 0.0]
        sums[0] += 1
        if decision.score is not None:
            sums[1] += decision.score
            sums[2] += 1
        sums[3] += decision.latency_ms
        sums[4] = max(sums[4], decision.latency_ms)
        for of_match in of_matches:
            self._sums.setdefault(of_match, [0])[0] += 1

    def _value(self, name: str, text: str) -> str:
        values = self._values.setdefault(name, set())
        if text in values:
            return text
        if len(values) >= VALUES_MAX:
            return OTHER
        values.add(text)
        if len(values) == VALUES_MAX:
            log.warning("dimension %s has %d values and more: further ones are counted as %s", name, VALUES_MAX, OTHER)
        return text

    def _rows(self) -> bytes:
        frames: list[bytes] = []
        for key, sums in self._sums.items():
            row = _match_row(key, sums) if len(sums) == 1 else _decision_row(key, sums)
            add_record(frames, Tag.METRIC.byte, str(row.time).encode(), _encode(row))
        self._sums.clear()
        self._values.clear()
        return b"".join(frames)


def band_of(score: float | None) -> str:
    """The tenth that a score lies in, the upper edge with the last; see `stores.metrics.metric_rows`."""
    return NO_SCORE if score is None else SCORE_BANDS[min(max(int(score * 10), 0), 9)]


def _decision_row(key: Key, sums: list[float]) -> MetricRow:
    time, dimensions, action, decided_by, band, revised, degraded, late = key
    count, score_sum, scored, latency_ms_sum, latency_ms_max = sums
    return MetricRow(
        time=time, metric="decisions", count=int(count), action=action, decided_by=decided_by, score_band=band, revised=revised,
        degraded=degraded, late=late, dimensions=dict(dimensions), score_sum=score_sum, scored=int(scored),
        latency_ms_sum=latency_ms_sum, latency_ms_max=latency_ms_max,
    )  # fmt: skip


def _match_row(key: Key, sums: list[float]) -> MetricRow:
    time, dimensions, action, pattern, version, shadow = key
    return MetricRow(
        time=time, metric="matches", count=int(sums[0]), action=action, dimensions=dict(dimensions), pattern=pattern, version=version,
        shadow=shadow,
    )  # fmt: skip


def make_stage(state: BulkState, window: int) -> RollUp:
    """The stage as the metrics job asks for it."""
    return RollUp(state, window)
