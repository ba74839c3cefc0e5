"""Decodes JSON bytes into an `Event` by the schema, and refuses what does not fit with the name of the field."""

import copy
import datetime
import re
import struct
import zlib
from collections.abc import Callable
from operator import attrgetter
from typing import Annotated, Any, NoReturn

import msgspec

from features.schema.duplicate_keys import refuse_repeated_keys
from features.schema.event import ADD, OPERATIONS, Event, id_key_of
from features.schema.numbers import column_reader
from features.schema.read_bytes import ReadBytes
from features.schema.schema import LAST_TIME_MS, OPERATION, Field, Schema
from foundation.json_faults import shape_fault, text_fault, type_words
from foundation.refusal import Refusal

BYTES_MAX = 1_048_576
ID_CHARACTERS_MAX = 512
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MILLISECOND = datetime.timedelta(milliseconds=1)
_ENTITIES = 4  # number of values before the entities: id, time, user, operation
_SECONDS_MAX = 1e15  # far in the future, but its milliseconds still fit into a number
_PLACE = re.compile(r" - at `\$\.?([^`]*)`")
_NAMED = re.compile(r"`([^`]+)`")
_JSON_TYPES = {"decimal": float | str, "float": float, "integer": int, "boolean": bool, "string": str}


class Decoder:
    """Decodes the events of one schema, in some microseconds each.

    Fields that the schema does not name are ignored. An entity's id may be a text or a whole number; null and '' mean that
    it is absent. The field ``op`` says whether an event is added (as without it), corrects an earlier one or retracts it.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._fields = (schema.id_field, schema.time_field, schema.user, OPERATION, *schema.entities, *schema.columns, *schema.texts)
        shape = _json_shape(schema)
        self._decode = msgspec.json.Decoder(shape).decode
        self._values = _getter(self._fields)
        self._objects_least = _required_objects(shape)
        self._entities_end = _ENTITIES + len(schema.entities)
        self._columns_end = self._entities_end + len(schema.columns)
        readers = [column_reader(field) for field in schema.fields if field.is_number]
        self._readers = list(enumerate(readers, self._entities_end))
        self._pack = struct.Struct(f"<{len(schema.columns)}d").pack
        self._read_id = _integer_id if schema.id_type == "integer" else _text_id
        self._in_ms = schema.time_unit == "ms"
        self._max_ahead_ms = schema.max_ahead_ms
        self._min_time_ms = schema.min_time_ms

    def decode(self, value: bytes, arrived_ms: int, reply: str = "") -> Event:
        """Decodes the event in `value`, which arrived at clock time `arrived_ms`; `reply` names the API instance that waits.

        Raises:
            Refusal: `value` is over 1 MiB, is not JSON, has one key twice, lacks a required field, has a value of another type or out of
                range, or its time is before the schema's `min_time` or more than `max_ahead` after its arrival. `where` is the field.
        """
        if value.__class__ is ReadBytes and (event := self._read_before(value, arrived_ms, reply)) is not None:
            return event
        if len(value) > BYTES_MAX:
            raise Refusal("event too large", where="event", expected=f"at most {BYTES_MAX} bytes", got=f"{len(value)} bytes")
        try:
            values = self._values(self._decode(value))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            _refuse(error, value)
        # Each value that is not None has a key of its own; an operation `add` may have none.
        refuse_repeated_keys(value, self._objects_least + len(values) - values.count(None) - (values[3] == "add"))
        at, end = self._entities_end, self._columns_end
        text, key, order = self._read_id(values[0], self._fields[0])
        time_ms = values[1]
        if not self._in_ms or not self._min_time_ms <= time_ms <= arrived_ms + self._max_ahead_ms:
            time_ms = self._time_ms(time_ms, arrived_ms)
        user = values[2]
        return Event(
            text,
            key,
            order,
            time_ms,
            user if user.__class__ is str and 0 < len(user) <= ID_CHARACTERS_MAX else _entity(user, self._fields[2], required=True),
            [
                id_ if id_.__class__ is str and len(id_) <= ID_CHARACTERS_MAX else "" if id_ is None else self._entity(id_, values)
                for id_ in values[_ENTITIES:at]
            ],
            self._pack(*[read(values[place]) for place, read in self._readers]),
            [*values[end:]],
            zlib.crc32(value),
            arrived_ms,
            reply,
            ADD if values[3] == "add" else _operation(values[3]),
        )

    def read(self, value: bytes, arrived_ms: int) -> ReadBytes:
        """Returns the bytes of an event with the event, which `decode` then takes from them.

        Raises:
            Refusal: see `decode`.
        """
        event = self.decode(value, arrived_ms)
        read = ReadBytes(value)
        read.event, read.schema = event, self._schema
        return read

    def _read_before(self, value: bytes, arrived_ms: int, reply: str) -> Event | None:
        """Returns the event that was read by the same schema before, as of this arrival; None where it has to be read, or refused."""
        assert isinstance(value, ReadBytes)
        if value.schema is not self._schema or value.event.time_ms > arrived_ms + self._max_ahead_ms:
            return None
        event = copy.copy(value.event)
        event.arrived_ms, event.reply = arrived_ms, reply
        return event

    def _entity(self, value: Any, values: tuple[Any, ...]) -> str:
        """Reads the rare entity id that is a number, or too long."""
        place = next(at for at in range(_ENTITIES, self._entities_end) if values[at] is value)
        return _entity(value, self._fields[place])

    def _time_ms(self, value: Any, arrived_ms: int) -> int:
        schema = self._schema
        if schema.time_unit == "rfc3339":
            time_ms = (value - _EPOCH) // _MILLISECOND
        elif schema.time_unit == "us":
            time_ms = value // 1_000
        else:
            time_ms = round(max(-1.0, min(value, _SECONDS_MAX)) * 1_000) if schema.time_unit == "s" else value
        if schema.min_time_ms <= time_ms <= arrived_ms + schema.max_ahead_ms:
            return int(time_ms)
        if time_ms < schema.min_time_ms:
            refuse_early(time_ms, value, schema.time_field, schema.min_time_ms)
        expected = f"at most {schema.max_ahead_ms} ms after its arrival at {arrived_ms} ms"
        raise Refusal("time in the future", where=schema.time_field, expected=expected, got=value)


def refuse_early(time_ms: float, value: object, where: str, min_time_ms: int) -> NoReturn:
    """Refuses the time `value` of the field `where`, which is before `min_time_ms`; hints at seconds sent as milliseconds."""
    least = _EPOCH + min_time_ms * _MILLISECOND
    expected = f"a time from {least:%Y-%m-%dT%H:%M:%SZ} on, which is min_time of the schema"
    seconds = min_time_ms <= time_ms * 1_000 <= LAST_TIME_MS and not isinstance(value, datetime.datetime)
    remedy = "it looks as if sent in a unit 1,000 times as long" if seconds else "lower min_time if events are that old"
    raise Refusal("time before min_time", where=where, expected=expected, got=value, remedy=remedy)


def _integer_id(value: int, field: str) -> tuple[str, int, bytes]:
    if -(1 << 63) <= value < 1 << 63:
        return str(value), value, (value + (1 << 63)).to_bytes(8, "big")
    raise Refusal("id out of range", where=field, expected="a whole number of 64 bits", got=value)


def _text_id(value: str, field: str) -> tuple[str, int, bytes]:
    if not 0 < len(value) <= ID_CHARACTERS_MAX:
        raise Refusal("bad id", where=field, expected=f"1 to {ID_CHARACTERS_MAX} characters", got=value or "an empty text")
    return value, id_key_of(value, integer=False), value.encode()


def _entity(value: str | int | None, field: str, required: bool = False) -> str:
    if value.__class__ is not str:
        value = "" if value is None else str(value)
    if len(value) > ID_CHARACTERS_MAX or (required and not value):
        raise Refusal("bad id", where=field, expected=f"{int(required)} to {ID_CHARACTERS_MAX} characters", got=value or "an empty text")
    return value


def _operation(name: str) -> int:
    if name not in OPERATIONS:
        raise Refusal("unknown operation", where=OPERATION, expected="one of " + ", ".join(OPERATIONS), got=name or "an empty text")
    return OPERATIONS[name]


def _refuse(error: Exception, value: bytes) -> NoReturn:
    message = str(error)
    if not isinstance(error, msgspec.ValidationError):
        raise Refusal("not JSON", where="event", expected="one JSON object in UTF-8", got=f"{text_fault(error)}: {value[:48]!r}") from error
    place = _PLACE.search(message)
    where = place[1] if place else ""
    what = message[: place.start()] if place else message
    named = _NAMED.findall(what)
    if what.startswith("Object missing"):
        where = f"{where}.{named[0]}" if where else named[0]
        raise Refusal("missing field", where=where, expected=f"a field {where}", got="an event without it") from error
    if what.startswith("Expected") and len(named) == 2:
        raise Refusal("wrong type", where=where or "event", expected=type_words(named[0]), got=type_words(named[1])) from error
    fault = shape_fault(error)
    expected = fault.expected or "a value that fits its type"
    raise Refusal("not accepted", where=where or "event", expected=expected, got=fault.got) from error


def _json_shape(schema: Schema) -> type[msgspec.Struct]:
    """Makes a Struct with one attribute for each field, nested by the dots in names; leaves say type and value when absent."""
    times: dict[str, Any] = {"s": int | float, "ms": int, "us": int, "rfc3339": Annotated[datetime.datetime, msgspec.Meta(tz=True)]}
    tree: dict[str, Any] = {}
    _plant(tree, schema.id_field, (int if schema.id_type == "integer" else str, msgspec.NODEFAULT))
    _plant(tree, schema.time_field, (times[schema.time_unit], msgspec.NODEFAULT))
    _plant(tree, schema.user, (str | int, msgspec.NODEFAULT))
    _plant(tree, OPERATION, (str, "add"))
    for name in schema.entities:
        _plant(tree, name, (str | int | None, None))
    for field in schema.fields:
        _plant(tree, field.name, (_field_type(field), msgspec.NODEFAULT if field.required else None))
    return _shape("Event", tree)


def _required_objects(shape: type[msgspec.Struct]) -> int:
    """Counts the nested objects, at all depths, that each event must have."""
    required = [field.type for field in msgspec.structs.fields(shape) if field.required]
    nested = [kind for kind in required if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    return len(nested) + sum(map(_required_objects, nested))


def _field_type(field: Field) -> Any:
    kind: Any = _JSON_TYPES[field.type]
    return kind if field.required else kind | None


def _plant(tree: dict[str, Any], name: str, leaf: tuple[Any, Any]) -> None:
    *parents, last = name.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
    tree[last] = leaf


def _attribute(name: str) -> str:
    """Returns names the Struct's attribute for the field `name`, so that it cannot clash with an attribute of every Python class."""
    return "field_" + name


def _shape(name: str, tree: dict[str, Any]) -> type[msgspec.Struct]:
    required: list[tuple[str, Any]] = []
    optional: list[tuple[str, Any, Any]] = []
    for child, leaf in tree.items():
        attribute = _attribute(child)
        if isinstance(leaf, dict):
            shape = _shape(child, leaf)
            if any(field.required for field in msgspec.structs.fields(shape)):
                required.append((attribute, shape))
            else:
                optional.append((attribute, shape | None, None))
        elif leaf[1] is msgspec.NODEFAULT:
            required.append((attribute, leaf[0]))
        else:
            optional.append((attribute, *leaf))
    names = {_attribute(child): child for child in tree}
    return msgspec.defstruct(name, [*required, *optional], kw_only=True, rename=names)


def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """Returns a function that reads all values of a decoded event; a nested object that is absent gives None."""
    paths = [[_attribute(part) for part in name.split(".")] for name in names]
    if all(len(path) == 1 for path in paths):
        return attrgetter(*(path[0] for path in paths))

    def read(event: Any) -> tuple[Any, ...]:
        found = []
        for path in paths:
            value = event
            for part in path:
                value = None if value is None else getattr(value, part)
            found.append(value)
        return tuple(found)

    return read
