"""The roll-up adds decisions up by event-time minute and dimensions, and emits one row of deltas a combination before each checkpoint."""

import logging
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec

from pipeline.flink.state import BulkState
from pipeline.sinks.deduplication import FirstDecisions, FirstWins
from pipeline.wire.bodies import PlacedRecord, read_placed_record
from pipeline.wire.bundle import read_bundle
from pipeline.wire.declaration import Kind, Tag
from pipeline.wire.frames import add_record
from stores.metrics.metric_rows import MINUTE_MS, NO_SCORE, SCORE_BANDS, MetricRow

log = logging.getLogger(__name__)

VALUES_MAX = 200
"""The number of different values of one dimension that are told apart between two checkpoints; further ones count as `OTHER`."""
OTHER = "(other)"
ROWS_MAX = 100_000
"""When more combinations than this are held between two checkpoints, their rows are emitted at once."""

Key = tuple[Any, ...]
Whole = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
"""An integer that a row of metrics can hold."""


class Match(msgspec.Struct):
    """A pattern that matched the event, as the decision names it."""

    pattern: str = ""
    version: Whole | str = ""
    shadow: bool = False
    action: str = ""


class CountedDecision(msgspec.Struct):
    """The fields of a decision that the roll-up counts."""

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
    """Takes decisions and emits rows of event metrics. It needs no watermark: a late decision adds a delta to a minute long past.

    It holds no sums past a checkpoint, so rows and offsets are committed together and each decision is counted exactly once.
    Cost: about 4 µs a decision.

    Args:
        state: Flink's keyed state of the operator, keyed by partition.
        window: number of decisions of a partition that are remembered, see `FirstWins`.
    """

    def __init__(self, state: BulkState, window: int) -> None:
        self.taken = FirstDecisions(_decode, FirstWins(state, window))
        self._sums: dict[Key, list[float]] = {}
        self._values: dict[str, set[str]] = {}

    def process(self, data: bytes) -> bytes:
        """Takes in one micro-batch; returns rows before a checkpoint and above `ROWS_MAX`, else ``b""``."""
        bundle = read_bundle(data)
        return self.checkpoint() if bundle.kind == Kind.BARRIER else self.take(map(read_placed_record, bundle.bodies))

    def take(self, records: Iterable[PlacedRecord]) -> bytes:
        """Takes in records; returns rows above `ROWS_MAX`, else ``b""``."""
        for record in records:
            self.taken.take(record, self._count)
        return self._rows() if len(self._sums) > ROWS_MAX else b""

    def checkpoint(self) -> bytes:
        """Returns all rows, before a checkpoint."""
        self.taken.save()
        return self._rows()

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
            log.warning(
                "dimension %s has reached %d values; until the next checkpoint any other value counts as %s", name, VALUES_MAX, OTHER
            )
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
    """Names the tenth of [0, 1] that a score lies in, or `NO_SCORE`; lower edges are inclusive, and 1 belongs to the last tenth."""
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
    """Makes the stage with the arguments that the metrics job gives."""
    return RollUp(state, window)
