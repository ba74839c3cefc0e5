"""Features by name: ``features.yaml`` read, checked and compiled."""

import difflib
import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.batch import Float64s, Int64s
from features.calendar import RANGES, Calendar
from features.document import Section, read_document
from features.plan import Plan, compile_plan
from features.reading import Code, Reading
from features.row_column import Origin, RowColumn
from features.schema import Schema
from features.window import SLIDING, Window

TEMPLATES = ("count", "sum", "mean", "std", "min", "max", "label_count", "label_rate", "calendar")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WINDOWED = ("name", "template", "value", "entity", "window", "include_current")
_LABELLED = ("name", "template", "entity", "window", "include_current", "of")
_CALENDAR = ("name", "template", "part", "between", "zone")
FEATURES_MAX = 4_096


@dataclass(frozen=True)
class FeatureSet:
    """Features in the order of their file.

    Args:
        names: of all features: the columns of a feature matrix.
        kinds: of entity that hold windows: the user first, then further ones in the schema's order.
        plans: one a kind.
        columns: by kind, the place in `names` of each output of its plan.
        calendars: (place in `names`, calendar).
        written: by name, the feature as its file has it.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    plans: dict[str, Plan]
    columns: dict[str, Int64s]
    calendars: tuple[tuple[int, Calendar], ...]
    written: dict[str, object]

    def fill_calendar(self, times_ms: Int64s, out: Float64s) -> None:
        """Writes the calendar features of events at `times_ms` to their columns of out[n, len(names)]."""
        for at, calendar in self.calendars:
            out[:, at] = calendar.values(times_ms)


def read_features(text: str, schema: Schema, source: str = "features.yaml") -> FeatureSet:
    """The features that `text` describes over events of `schema`.

    Raises:
        Refusal: anything unknown, missing, given twice or out of range, a value that is no number, a window longer than
            retention; with line and column and the nearest right name.
    """
    document = read_document(text, source)
    names: list[str] = []
    calendars: list[tuple[int, Calendar]] = []
    written: dict[str, object] = {}
    by_kind: dict[str, list[tuple[int, Reading]]] = {schema.user: []}
    for section in document.items():
        if len(names) == FEATURES_MAX:
            section.refuse("too many features", f"at most {FEATURES_MAX}", len(names) + 1)
        name = _read_name(section, names)
        template = section.at("template").choice(TEMPLATES)
        if template == "calendar":
            calendars.append((len(names), _read_calendar(section)))
        else:
            kind, statistic = _read_statistic(section, template, schema)
            by_kind.setdefault(kind, []).append((len(names), statistic))
        names.append(name)
        written[name] = section.plain()
    kinds = (schema.user, *(kind for kind in schema.entities if kind in by_kind))
    return FeatureSet(
        names=tuple(names),
        kinds=kinds,
        plans={kind: _plan(kind, [s for _, s in by_kind[kind]], schema) for kind in kinds},
        columns={kind: np.array([at for at, _ in by_kind[kind]], dtype=np.int64) for kind in kinds},
        calendars=tuple(calendars),
        written=written,
    )


def _plan(kind: str, readings: list[Reading], schema: Schema) -> Plan:
    wanted = {reading.column for reading in readings}
    scales = dict(zip(schema.columns, schema.scales.tolist(), strict=True))
    columns = [
        RowColumn(f"event.{name}", Origin.NUMBER, name, scales[name], name in schema.retained)
        for name in schema.columns
        if name in schema.retained or f"event.{name}" in wanted
    ]
    return compile_plan(kind, kind == schema.user, readings, columns, schema)


def _read_name(section: Section, taken: Sequence[str]) -> str:
    place = section.at("name")
    name = place.text()
    if not _NAME.fullmatch(name):
        place.refuse("not a feature's name", "letters, digits and _")
    if name in taken:
        place.refuse("name given twice", "each feature under a name of its own", name)
    return name


def _read_statistic(section: Section, template: str, schema: Schema) -> tuple[str, Reading]:
    is_label = template.startswith("label_")
    section.only(*(_LABELLED if is_label else _WINDOWED))
    code = Code[template.upper()]
    if is_label and section.has("of") and section.at("of").choice(("all", "labelled")) == "labelled":
        if template != "label_rate":
            section.at("of").refuse("of without a rate", "template: label_rate")
        code = Code.LABELLED_RATE
    column = ""
    if section.has("value") or not (is_label or code is Code.COUNT):
        column = _read_column(section.at("value"), schema)
    kinds = (schema.user, *schema.entities)
    kind = section.at("entity").choice(kinds) if section.has("entity") else schema.user
    length_ms, delay_ms = _read_window(section.at("window"), schema)
    current = section.at("include_current").flag() if section.has("include_current") else True
    return kind, Reading(code, column and f"event.{column}", Window(SLIDING, length_ms, delay_ms), before=not current)


def _read_column(section: Section, schema: Schema) -> str:
    text = section.text()
    name = text.removeprefix("event.")
    if name in schema.columns and text.startswith("event."):
        return name
    known = [f"event.{column}" for column in schema.columns]
    near = difflib.get_close_matches(text, known, n=1, cutoff=0.5)
    remedy = f"did you mean {near[0]}?" if near else ""
    if name in schema.texts:
        section.refuse("not a number", "a numeric field: " + (", ".join(known) or "the schema has none"), text, remedy)
    return section.refuse("unknown field", "one of " + (", ".join(known) or "the schema's numeric fields: it has none"), text, remedy)


def _read_window(section: Section, schema: Schema) -> tuple[int, int]:
    if section.is_mapping():
        section.only("length", "delay")
        length_ms = section.at("length").duration_ms()
        delay_ms = section.at("delay").duration_ms() if section.has("delay") else 0
    else:
        length_ms, delay_ms = section.duration_ms(), 0
    if length_ms + delay_ms > schema.retention_ms:
        expected = f"length and delay of at most {schema.retention_ms / 86_400_000:g} days together"
        section.refuse("window longer than retention", expected, remedy="set a longer retention in the schema")
    return length_ms, delay_ms


def _read_calendar(section: Section) -> Calendar:
    section.only(*_CALENDAR)
    part = section.at("part").choice(tuple(RANGES))
    zone = section.at("zone").text() if section.has("zone") else "UTC"
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = difflib.get_close_matches(zone, sorted(zoneinfo.available_timezones()), n=1)
        section.at("zone").refuse("unknown zone", "an IANA zone such as Europe/Paris", zone, f"did you mean {near[0]}?" if near else "")
    if not section.has("between"):
        return Calendar(part, zone=zone)
    bounds = list(section.at("between").items())
    if len(bounds) != 2:
        section.at("between").refuse("not a range", "two whole numbers, both inclusive")
    low, high = (bound.integer(*RANGES[part]) for bound in bounds)
    return Calendar(part, low, high, zone)
