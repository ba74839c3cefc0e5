"""Compiles the readings of one entity type into a plan: numbers its columns, cursors, units and 64-bit cells."""

import hashlib
from collections.abc import Sequence

import msgspec
import numpy as np

from features.definitions import window as windows
from features.definitions.aggregate import Code, Reading
from features.definitions.row_column import Origin, RowColumn
from features.definitions.window import CALENDAR_UNITS, Window
from features.definitions.zone_table import LONGEST_MS, unit_changes
from features.layout.layout import HEAD_WORDS, NUMBERS_OF_ENTITY, NUMBERS_OF_USER
from features.layout.plan_arrays import HEAD, LINK_COLUMNS, MARK_COLUMNS, REACH, TAIL, UNIT_COLUMNS, PlanArrays
from features.plan.plan import Carried, Plan
from features.plan.plan_units import EVICTED_WORDS, EXTREMES, UNIT_WORDS, Unit, UnitKind, family_of, units_of
from features.schema.schema import Schema
from foundation.number_arrays import Float64s, Int64s

_ENDED_BY_RETENTION = (windows.SESSION, windows.LAST)
_LINKED = (Origin.PREVIOUS, Origin.PAIR, Origin.FROM)
_IN_UNIT_OF_COLUMN = {Code.SUM, Code.MEAN, Code.STD, Code.MIN, Code.MAX, Code.LAST, Code.FIRST, Code.EW_MEAN, Code.EW_STD}


def compile_plan(kind: str, is_user: bool, readings: Sequence[Reading], columns: Sequence[RowColumn], schema: Schema) -> Plan:
    """Compiles the plan that computes `readings`, in their order. Equal windows over one column share their state.

    Args:
        columns: at least the columns that `readings` name; each stands after those from which it is computed.
    """
    return _Compiler(kind, is_user, tuple(columns), schema).compile(readings)


class _Compiler:
    """Numbers the columns, cursors, units and 64-bit cells of one plan."""

    def __init__(self, kind: str, is_user: bool, columns: tuple[RowColumn, ...], schema: Schema) -> None:
        self.kind = kind
        self.is_user = is_user
        self.columns = columns
        self.schema = schema
        self.first = NUMBERS_OF_USER if is_user else NUMBERS_OF_ENTITY
        self.words = {column.name: self.first + at for at, column in enumerate(columns)} | {"": -1}
        self.offsets: dict[int, int] = {}
        self.marks: dict[tuple[Window, str], int] = {}
        self.changes: list[Int64s] = []
        self.shifts: list[Int64s] = []

    def compile(self, readings: Sequence[Reading]) -> Plan:
        """Returns the plan with all its arrays."""
        units = units_of(readings)
        self._number_cursors(units)
        cursors = len(self.offsets) + len(self.marks)
        unknown = HEAD_WORDS + 2 * cursors
        marks, word = self._mark_rows(unknown + len(self.columns))
        rows, carried, word = self._unit_rows(units, word)
        passes, pass_ends = _passes(rows, cursors)
        arrays = PlanArrays(
            offsets=np.array(list(self.offsets), dtype=np.int64),
            marks=marks,
            passes=passes,
            pass_ends=pass_ends,
            units=rows,
            live=np.flatnonzero(rows[:, HEAD] < 0).astype(np.int64),
            outputs=_outputs(readings, units),
            scales=self._scales(readings),
            links=self._links(),
            changes=np.concatenate([*self.changes, np.zeros(0, dtype=np.int64)]),
            shifts=np.concatenate([*self.shifts, np.zeros(0, dtype=np.int64)]),
            numbers=self._numbers(units, rows, unknown, bool(carried)),
        )
        return Plan(
            kind=self.kind,
            is_user=self.is_user,
            columns=self.columns,
            arrays=arrays,
            width=len(readings),
            head_words=word,
            extremes=sum(unit.kind in EXTREMES for unit in units),
            ranked=_count_of(units, UnitKind.RANKS),
            counted=_count_of(units, UnitKind.VALUES),
            carried=carried,
            layout=self._layout(marks, rows),
            schema=self.schema,
        )

    def _numbers(self, units: Sequence[Unit], rows: Int64s, unknown: int, has_carried: bool) -> Int64s:
        """Returns the single numbers that the kernel reads, in the order of `PlanArrays.numbers`."""
        reach_ms = int(rows[:, REACH].max(initial=0))
        dedupe_ms = self.schema.known_ms if self.is_user else 0
        keep_ms = max(self.schema.retention_ms, reach_ms + self.schema.lateness_ms, dedupe_ms + 1)
        numbers = [
            self.is_user,
            self.first + len(self.columns),
            self.first,
            self.schema.lateness_ms,
            keep_ms,
            dedupe_ms,
            self.schema.retention_ms,
            reach_ms,
            unknown,
            has_carried or any(window.kind in _ENDED_BY_RETENTION for window, _ in self.marks),
            _count_of(units, UnitKind.VALUES),
            _count_of(units, UnitKind.RANKS),
            self.schema.events_max,
            self.schema.rewind_max,
        ]
        return np.array(numbers, dtype=np.int64)

    def _scales(self, readings: Sequence[Reading]) -> Float64s:
        """Returns what each reading is divided by: history keeps decimals in whole minor units."""
        scales = {column.name: column.scale for column in self.columns}
        return np.array([scales.get(each.column, 1.0) if each.code in _IN_UNIT_OF_COLUMN else 1.0 for each in readings], dtype=np.float64)

    def _layout(self, marks: Int64s, rows: Int64s) -> int:
        """Returns a digest of all that says where something stands in a profile."""
        named = [self.kind, self.is_user, [column[:4] for column in self.columns], list(self.offsets), marks.tolist(), rows.tolist()]
        digest = hashlib.blake2b(msgspec.json.encode(named), digest_size=8).digest()
        return int.from_bytes(digest, "little", signed=True)

    def _number_cursors(self, units: Sequence[Unit]) -> None:
        slides = [unit.window for unit in units if unit.window.kind == windows.SLIDING]
        offsets = {w.length_ms + w.delay_ms for w in slides} | {w.delay_ms for w in slides if w.delay_ms}
        self.offsets = {offset: at for at, offset in enumerate(sorted(offsets))}
        for unit in units:
            if (mark := _mark_of(unit)) is not None:
                self.marks.setdefault(mark, len(self.marks))

    def _mark_rows(self, word: int) -> tuple[Int64s, int]:
        rows = []
        for window, where in self.marks:
            begin = end = code = 0
            if window.kind == windows.CALENDAR:
                code = CALENDAR_UNITS.index(window.unit)
                begin, end = self._changes(window.zone, code)
            held = word if window.kind == windows.LAST else -1
            word += window.kind == windows.LAST
            rows.append((window.kind, window.length_ms, window.count, self.words[where], held, begin, end, code))
        return np.array(rows, dtype=np.int64).reshape(-1, MARK_COLUMNS), word

    def _changes(self, zone: str, unit: int) -> tuple[int, int]:
        changes, shifts = unit_changes(zone, unit)
        begin = sum(map(len, self.changes))
        self.changes.append(changes)
        self.shifts.append(shifts)
        return begin, begin + len(changes)

    def _unit_rows(self, units: Sequence[Unit], word: int) -> tuple[Int64s, tuple[Carried, ...], int]:
        rows, carried = [], []
        like: dict[str, int] = {}
        for unit in units:
            aux = -1
            if (group := unit.group) is not None:
                aux = like.setdefault(group, 0)
                like[group] += 1
            head, tail = self._ends(unit)
            window = unit.window
            own = (self.words[unit.column], word, aux, head, tail, self.words[unit.where])
            end = -1
            words = UNIT_WORDS[unit.kind]
            if not _ends_somewhere(window):
                words += EVICTED_WORDS.get(unit.kind, 0) + 1  # the last cell is the time up to which rows were gone when the unit began
                carried.append(Carried(msgspec.json.encode(unit).decode(), word, words))
                end = word + words - 1
            rows.append((unit.kind, *own, window.length_ms, window.count, self._reach_ms(window), end))
            word += words
        return np.array(rows, dtype=np.int64).reshape(-1, UNIT_COLUMNS), tuple(carried), word

    def _ends(self, unit: Unit) -> tuple[int, int]:
        window = unit.window
        if window.kind == windows.SLIDING:
            head = self.offsets[window.delay_ms] if window.delay_ms else -1
            return head, self.offsets[window.length_ms + window.delay_ms]
        mark = _mark_of(unit)
        return -1, -1 if mark is None else len(self.offsets) + self.marks[mark]

    def _reach_ms(self, window: Window) -> int:
        if window.kind == windows.SLIDING:
            return window.length_ms + window.delay_ms
        if window.kind == windows.CALENDAR:
            return LONGEST_MS[CALENDAR_UNITS.index(window.unit)]
        return self.schema.retention_ms if window.kind in _ENDED_BY_RETENTION else 0

    def _links(self) -> Int64s:
        previous = {(c.source, c.where): self.words[c.name] for c in self.columns if c.origin is Origin.PREVIOUS}
        rows = [
            (
                column.origin,
                self.words[column.name],
                self.words[column.source],
                self.words[column.where],
                previous[column.source, column.where],
            )
            for column in self.columns
            if column.origin in _LINKED
        ]
        return np.array(rows, dtype=np.int64).reshape(-1, LINK_COLUMNS)


def _ends_somewhere(window: Window) -> bool:
    return window.kind not in (windows.UNBOUNDED, windows.DECAYED, windows.TICKS)


def _mark_of(unit: Unit) -> tuple[Window, str] | None:
    """Returns the non-sliding cursor at a window's tail. Only for windows of N rows does it depend on which rows count."""
    window = unit.window
    if window.kind in (windows.SLIDING, windows.DECAYED, windows.TICKS):
        return None
    if window.kind == windows.UNBOUNDED and unit.kind not in EXTREMES:
        return None
    return window, unit.where if window.kind == windows.LAST else ""


def _outputs(readings: Sequence[Reading], units: Sequence[Unit]) -> Int64s:
    """Returns [readings, 3] the unit that each reading is read from, its code, and whether the event itself is left out."""
    places = {unit.family: at for at, unit in enumerate(units)}
    return np.array([(places[family_of(each)], each.code, each.before) for each in readings], dtype=np.int64).reshape(-1, 3)


def _count_of(units: Sequence[Unit], kind: UnitKind) -> int:
    return sum(unit.kind is kind for unit in units)


def _passes(units: Int64s, cursors: int) -> tuple[Int64s, Int64s]:
    """Returns [(cursor, unit, 1 if the cursor is the unit's head, -1 if its tail)] and the end of each cursor's rows in it."""
    rows = [
        (cursor, at, sign) for at, unit in enumerate(units.tolist()) for cursor, sign in ((unit[HEAD], 1), (unit[TAIL], -1)) if cursor >= 0
    ]
    rows.sort(key=lambda row: row[0])
    counts = np.bincount([row[0] for row in rows], minlength=cursors) if rows else np.zeros(cursors, dtype=np.int64)
    ends = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts, dtype=np.int64)])
    return np.array(rows, dtype=np.int64).reshape(-1, 3), ends
