"""Reads and checks ``schema.yaml``, which says what an event looks like."""

import re
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from features.schema.facts import Fact, read_facts
from features.schema.label_sources import ANY_SOURCE, LabelSources, read_label_sources
from foundation.document import Section, read_document

DAY_MS = 86_400_000
MIN_TIME_MS = 946_684_800_000
"""The default of `Schema.min_time_ms`: 2000-01-01."""
LAST_TIME_MS = 253_402_300_799_999
"""The end of the year 9999, which is the last time that an event or a label may have."""
_EVENTS_LEAST = 32
DIMENSIONS_MAX = 8
FIELDS_MAX = 1_024
"""The maximum number of fields under ``fields``."""
ENTITIES_MAX = 127
"""The maximum number of entity types that an event waits for: it counts their answers in a signed byte."""
NAME_CHARACTERS_MAX = 128
"""The maximum length of a field's name, which is part of the keys of its entities and stands in every decision."""
NAME_PARTS_MAX = 16
"""The maximum number of parts of a field's name between dots: each is one JSON object inside another."""
FIELD_TYPES = ("decimal", "float", "integer", "boolean", "string")
OPERATION = "op"
"""The field of every event that says whether it is new, a correction or a retraction; see `features.schema.event.OPERATIONS`."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_NAMES_OF_SCHEMA = (
    "id",
    "time",
    "user",
    "entities",
    "fields",
    "lateness",
    "retention",
    "labels",
    "facts",
    "max_ahead",
    "min_time",
    "dedupe",
    "ttl",
    "events_max",
    "rewind_max",
)


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """Describes one field of an event.

    Args:
        name: name in the event's JSON; dots lead into nested objects: ``card.country``.
        type: decimal, float, integer, boolean or string.
        scale: number of digits after the point of a decimal, 0 to 6; such a field is held in units of 10**-scale, exactly.
        currency: name of the field with the currency's code, or the code itself; only passed on.
        retain: whether it is kept in the history of every entity, so that later features over it start with history.
        dimension: whether event metrics are counted by it, which suits a text of few values; decisions carry it.
        required: whether an event without it is refused; otherwise a missing number is NaN and a missing text None.
    """

    name: str
    type: str
    scale: int = 0
    currency: str = ""
    retain: bool = False
    dimension: bool = False
    required: bool = True

    @property
    def is_number(self) -> bool:
        return self.type != "string"


class Schema(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Says how to read the events of a topic, and how long state is kept. Lengths of time are in milliseconds.

    Args:
        id_field: field of the event's id, which is unique per primary entity.
        id_type: integer (signed 64 bits, ordered as numbers) or string (ordered bytewise).
        time_field: field of the event's time.
        time_unit: s, ms or us since the epoch, or rfc3339 for a text with a zone.
        user: field of the primary entity's id.
        entities: fields of further entities' ids; each may be absent from an event.
        fields: all other fields that are read.
        lateness_ms: an event that is older than its primary entity's newest event by more than this is too late.
        retention_ms: length of the history kept per entity.
        negative_after_ms: an event without a label counts as negative from this age on.
        label_sources: which of several labels of an event stands.
        facts: what may be said of entities; those of one type stand together.
        max_ahead_ms: an event whose time is further ahead of its arrival is refused.
        min_time_ms: an event or a label before this moment is refused, because its time is probably in another unit.
        dedupe_ms: how long the id of an event is known to its primary entity: events up to so much later, inclusive, are compared with it,
            whatever was restarted in between. It is never shorter than lateness, so that no event counts twice, and reaches over at most
            `rewind_max` newer events: one that is sent again after more of them goes to `late`.
        ttl_ms: an entity that is not written for so long is forgotten; at least as long as any window reaches, see
            `pipeline.engine.definitions.keeping`.
        events_max: maximum number of events kept per entity. Beyond it the oldest are evicted early: they leave windows that have an end,
            and decisions say `warming` while such a window would reach further back; windows without an end keep them.
        rewind_max: a late event, a correction or a retraction rewinds the windows of its entities over at most so many events of the same
            time or later. Beyond that, the primary entity's own late event goes to `late` and a correction is a dead letter; another
            entity's windows do without it, and decisions say `warming` as long as they would reach back to it.
    """

    id_field: str
    id_type: str
    time_field: str
    time_unit: str
    user: str
    entities: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    lateness_ms: int = 600_000
    retention_ms: int = 40 * DAY_MS
    negative_after_ms: int = 7 * DAY_MS
    max_ahead_ms: int = 300_000
    min_time_ms: int = MIN_TIME_MS
    dedupe_ms: int = DAY_MS
    ttl_ms: int = 90 * DAY_MS
    events_max: int = 1_000_000
    rewind_max: int = 10_000
    label_sources: LabelSources = ANY_SOURCE
    facts: tuple[Fact, ...] = ()

    @property
    def known_ms(self) -> int:
        """Returns how long ids are really known: an event that is not too late must not count twice."""
        return max(self.dedupe_ms, self.lateness_ms)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Returns the names of the numeric fields, in the order of an event's numbers."""
        return tuple(field.name for field in self.fields if field.is_number)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Returns the names of the string fields, in the order of an event's texts."""
        return tuple(field.name for field in self.fields if not field.is_number)

    @cached_property
    def dimensions(self) -> tuple[str, ...]:
        """Returns the names of the string fields by which event metrics are counted."""
        return tuple(field.name for field in self.fields if field.dimension)

    @cached_property
    def scales(self) -> NDArray[np.float64]:
        """Returns the divisor [columns] of each column to get its own unit: 10**scale for a decimal, else 1."""
        scales = np.array([10.0**field.scale for field in self.fields if field.is_number], dtype=np.float64)
        scales.flags.writeable = False
        return scales

    def facts_of(self, kind: str) -> tuple[Fact, ...]:
        """Returns the facts that entities of one type may have."""
        return self._facts_by_kind.get(kind, ())

    @cached_property
    def _facts_by_kind(self) -> dict[str, tuple[Fact, ...]]:
        kinds = dict.fromkeys(fact.kind for fact in self.facts)
        return {kind: tuple(fact for fact in self.facts if fact.kind == kind) for kind in kinds}

    @cached_property
    def retained(self) -> tuple[str, ...]:
        """Returns the names of the numeric fields with ``retain: true``."""
        return tuple(field.name for field in self.fields if field.is_number and field.retain)


def read_schema(text: str, source: str = "schema.yaml") -> Schema:
    """Reads the schema that `text` describes.

    Raises:
        Refusal: something is unknown, missing, given twice or out of range; names line and column.
    """
    document = read_document(text, source)
    document.only(*_NAMES_OF_SCHEMA)
    taken: set[str] = set()
    id_field, id_type = _read_id(document.at("id"), taken)
    time_field, time_unit = _read_time(document.at("time"), taken)
    schema = Schema(
        id_field=id_field,
        id_type=id_type,
        time_field=time_field,
        time_unit=time_unit,
        user=_read_name(document.at("user"), taken),
        entities=_read_entities(document.at("entities"), taken) if document.has("entities") else (),
        fields=tuple(_read_fields(document.at("fields"), taken)) if document.has("fields") else (),
        **_read_lengths(document),
        min_time_ms=document.at("min_time").moment_ms() if document.has("min_time") else MIN_TIME_MS,
        **_read_counts(document),
        label_sources=_read_sources(document),
        facts=_read_facts(document),
    )
    if schema.ttl_ms < schema.retention_ms:
        document.at("ttl" if document.has("ttl") else "retention").refuse("retention longer than ttl", "a ttl of at least the retention")
    return schema


def _read_id(section: Section, taken: set[str]) -> tuple[str, str]:
    if not section.is_mapping():
        return _read_name(section, taken), "string"
    section.only("field", "type")
    kind = section.at("type").choice(("integer", "string")) if section.has("type") else "string"
    return _read_name(section.at("field"), taken), kind


def _read_time(section: Section, taken: set[str]) -> tuple[str, str]:
    section.only("field", "unit")
    unit = section.at("unit").choice(("ms", "s", "us", "rfc3339")) if section.has("unit") else "ms"
    return _read_name(section.at("field"), taken), unit


def _read_entities(section: Section, taken: set[str]) -> tuple[str, ...]:
    names: list[str] = []
    for item in section.items():
        if len(names) == ENTITIES_MAX:
            item.refuse("too many entities", f"at most {ENTITIES_MAX}", str(ENTITIES_MAX + 1))
        names.append(_read_name(item, taken))
    return tuple(names)


def _read_name(section: Section, taken: set[str]) -> str:
    name = section.text()
    if not _NAME.fullmatch(name):
        section.refuse("not a field's name", "letters, digits and _, with dots between nested names")
    _check_length(section, name)
    _keep_apart(section, name)
    for other in taken:
        if name == other:
            section.refuse("field described twice", "each field in one place", name)
        if name.startswith(other + ".") or other.startswith(name + "."):
            section.refuse("field inside another", f"a name that does not nest with {other}", name)
    taken.add(name)
    return name


def _check_length(section: Section, name: str) -> None:
    if len(name) > NAME_CHARACTERS_MAX:
        section.refuse("name too long", f"at most {NAME_CHARACTERS_MAX} characters", name)
    if name.count(".") >= NAME_PARTS_MAX:
        section.refuse("name nests too deep", f"at most {NAME_PARTS_MAX} names with dots between them", name)


def _keep_apart(section: Section, name: str) -> None:
    if name.partition(".")[0] == OPERATION:
        expected = f"another name: {OPERATION} says whether an event is new, a correction or a retraction"
        section.refuse("reserved field name", expected, name, f"send it under another name than {OPERATION}")


def _read_fields(section: Section, taken: set[str]) -> list[Field]:
    names = section.names()
    section.only(*names)
    if len(names) > FIELDS_MAX:
        section.at(names[FIELDS_MAX]).refuse("too many fields", f"at most {FIELDS_MAX}", len(names))
    fields = [_read_field(name, section.at(name), taken) for name in names]
    chosen = [field.name for field in fields if field.dimension]
    if len(chosen) > DIMENSIONS_MAX:
        section.at(chosen[DIMENSIONS_MAX]).refuse("too many dimensions", f"at most {DIMENSIONS_MAX} fields with dimension: true")
    return fields


def _read_field(name: str, section: Section, taken: set[str]) -> Field:
    if not _NAME.fullmatch(name) or name in taken or any(n.startswith(name + ".") or name.startswith(n + ".") for n in taken):
        section.refuse("bad field name", "letters, digits and _, described once, not nested with another", name)
    _check_length(section, name)
    _keep_apart(section, name)
    taken.add(name)
    section.only("type", "scale", "currency", "retain", "dimension", "required")
    kind = section.at("type").choice(FIELD_TYPES)
    if section.has("dimension") and kind != "string":
        section.at("dimension").refuse(f"dimension of a {kind}", "type: string")
    if kind != "decimal":
        for only_decimal in ("scale", "currency"):
            if section.has(only_decimal):
                section.at(only_decimal).refuse(f"{only_decimal} of a {kind}", "type: decimal")
    return Field(
        name=name,
        type=kind,
        scale=(section.at("scale").integer(0, 6) if section.has("scale") else 2) if kind == "decimal" else 0,
        currency=section.at("currency").text() if section.has("currency") else "",
        retain=section.at("retain").flag() if section.has("retain") else False,
        dimension=section.at("dimension").flag() if section.has("dimension") else False,
        required=section.at("required").flag() if section.has("required") else True,
    )


def _read_counts(document: Section) -> dict[str, int]:
    return {name: document.at(name).integer(_EVENTS_LEAST, 1 << 40) for name in ("events_max", "rewind_max") if document.has(name)}


def _read_facts(document: Section) -> tuple[Fact, ...]:
    if not document.has("facts"):
        return ()
    entities = [item.text() for item in document.at("entities").items()] if document.has("entities") else []
    return read_facts(document.at("facts"), (document.at("user").text(), *entities))


def _read_sources(document: Section) -> LabelSources:
    declared = document.has("labels") and document.at("labels").has("sources")
    return read_label_sources(document.at("labels").at("sources")) if declared else ANY_SOURCE


def _read_lengths(document: Section) -> dict[str, int]:
    lengths = {
        name + "_ms": document.at(name).duration_ms(least_ms)
        for name, least_ms in (("lateness", 0), ("retention", 1), ("max_ahead", 0), ("dedupe", 1), ("ttl", 1))
        if document.has(name)
    }
    lengths.setdefault("ttl_ms", max(90 * DAY_MS, lengths.get("retention_ms", 0)))
    if document.has("labels"):
        labels = document.at("labels")
        labels.only("negative_after", "sources")
        if labels.has("negative_after"):
            lengths["negative_after_ms"] = labels.at("negative_after").duration_ms()
    return lengths
