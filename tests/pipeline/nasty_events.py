"""Events made to hurt: twice, late, tied, corrected and retracted, with extreme, missing and wrong values, and what is no event at all."""

import datetime
import random
from typing import Any

import msgspec

from features.schema.event import id_key_of
from features.schema.schema import Field, Schema
from pipeline.trial.trial import USUAL_MS

ARRIVED_MS = USUAL_MS + 900_000
NUMBERS = [0, 0.0, -0.0, 1, 1.5, -1, 12.34, 1e13, -1e13, 2**53, 2**63 - 1, -(2**63), 2**64, 1e100, 1e200, 1e308, -1e308, 5e-324, 1e-320]
DECIMALS = [*NUMBERS, "1.5", "-0.01", "1e5", "NaN", "inf", "9" * 40, "0." + "0" * 30 + "1", " 1", ""]
INTEGERS = [0, 1, -1, 7, 2**31, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 1.0, 1.5]
TEXTS = ["a", "b", "", "\0", "é" * 300, "x" * 20_000, "\u2028", "💥", "1", "1.5", "true", "2020-01-01T00:00:00Z", "UTC", "\x1f", '"']
WRONG = [None, True, [], {}, "", "x", -1, 1e308, [[]], {"a": 1}]
JUNK = [b"", b"{}", b"[]", b"null", b"\xff", b'{"a":NaN}', b"[" * 3_000, b'{"id":1,"id":1}', b'"' + b"x" * 5_000, b"{" + b'"a":{' * 3_000]
OFFSETS_MS = [0, 0, 0, 1, 1_000, 60_000, 60_001, 300_000, 599_999, 600_000, 600_001, -1, -1_000, -600_000, -600_001, -86_400_000, 899_999]
TIMES_MS = [0, 1, 946_684_800_000, 946_684_799_999, 253_402_300_799_999, ARRIVED_MS + 300_000, ARRIVED_MS + 300_001, 2**53]


class Events:
    """Makes the events of one schema.

    Args:
        wild: the share of events that have something wrong or extreme about them.
    """

    def __init__(self, draw: random.Random, schema: Schema, wild: float = 0.4) -> None:
        self._draw = draw
        self._schema = schema
        self._wild = wild
        self._sent: list[dict[str, Any]] = []
        self._users = draw.sample(["u", "v", "é" * 512, "\0", "u+v", "7"], 2)
        self._base_ms = max(USUAL_MS, schema.min_time_ms)

    def many(self, count: int) -> list[bytes]:
        """So many records, in the order in which they come."""
        return [self._record() for _ in range(count)]

    def _record(self) -> bytes:
        kind = self._draw.random()
        if kind < 0.04:
            return self._draw.choice(JUNK)
        if self._sent and kind < 0.10:
            return msgspec.json.encode(self._draw.choice(self._sent))
        if self._sent and kind < 0.22:
            return msgspec.json.encode(self._changed(self._draw.choice(self._sent)))
        event = self._event()
        self._sent.append(event)
        return msgspec.json.encode(event)

    def _changed(self, event: dict[str, Any]) -> dict[str, Any]:
        """A correction, a retraction, or the same id with something else, of the same user or another."""
        changed = event | {"op": self._draw.choice(["correct", "correct", "retract", "retract", "add", "x", ""])}
        if self._draw.random() < 0.6:
            for name, value in self._fields().items():
                changed = _with(changed, name, value)
        if self._draw.random() < 0.2:
            changed = _with(changed, self._schema.user, self._draw.choice(self._users))
        return changed

    def _event(self) -> dict[str, Any]:
        schema, draw = self._schema, self._draw
        number = draw.choice([draw.randrange(12), draw.randrange(10**6)])
        id = number if schema.id_type == "integer" else str(number)
        time_ms = self._base_ms + draw.choice(OFFSETS_MS) + (draw.randrange(200_000) if draw.random() < 0.5 else 0)
        if draw.random() < self._wild / 8:
            time_ms = draw.choice(TIMES_MS)
        values: dict[str, Any] = {schema.id_field: id, schema.time_field: self._time(time_ms), schema.user: draw.choice(self._users)}
        values |= {name: draw.choice(["a", "b", "a", 5, "", None, "é" * 512, "\x1f"]) for name in schema.entities if draw.random() < 0.9}
        values |= self._fields()
        if draw.random() < self._wild / 6:
            values[draw.choice(list(values))] = draw.choice(WRONG)
        event: dict[str, Any] = {}
        for name, value in values.items():
            event = _with(event, name, value)
        return event

    def _fields(self) -> dict[str, Any]:
        fields = self._schema.fields
        return {field.name: self._value(field) for field in fields if field.required or self._draw.random() < 0.7}

    def _value(self, field: Field) -> Any:
        draw = self._draw
        usual: dict[str, list[Any]] = {"decimal": [1, 2, 5.5, 100], "float": [1.0, 2.5, -3.0], "integer": [1, 2, 3]}
        usual |= {"boolean": [True, False], "string": ["a", "b"]}
        if field.type == "decimal" and field.scale == 0:
            usual["decimal"] = [1, 2, 5]
        wild = {"decimal": DECIMALS, "float": NUMBERS, "integer": INTEGERS, "boolean": [True, False, None, 1], "string": TEXTS}
        return draw.choice(wild[field.type] if draw.random() < self._wild else usual[field.type])

    def _time(self, time_ms: int) -> Any:
        if self._schema.time_unit == "rfc3339":
            moment = datetime.datetime.fromtimestamp(min(time_ms, 253_402_300_799_999) / 1_000, datetime.UTC)
            return moment.isoformat(timespec="milliseconds")
        return {"ms": time_ms, "s": time_ms / 1_000 if time_ms % 1_000 else time_ms // 1_000, "us": time_ms * 1_000}[self._schema.time_unit]

    def label(self) -> tuple[str, str, dict[str, object]]:
        """(kind, id, resolved label) of an event that was sent, or of none."""
        draw, schema = self._draw, self._schema
        event = draw.choice(self._sent) if self._sent else {}
        id = str(event.get(schema.id_field, draw.randrange(12)))
        kind = draw.choice([schema.user, *schema.entities])
        key = draw.choice(self._users) if kind == schema.user else draw.choice(["a", "b", "5"])
        integer = schema.id_type == "integer" and id.lstrip("-").isdigit() and abs(int(id)) < 2**63
        event_ms = self._base_ms + draw.choice(OFFSETS_MS)
        label = {"event_id": id, "id_key": id_key_of(id, integer), "event_time": event_ms, "label": draw.choice([0, 1])}
        return kind, key, label | {"label_time": draw.choice([event_ms, 0, 253_402_300_799_999, ARRIVED_MS]), "user": "u"}


def _with(event: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """`event` with a value at a dotted name; what stands in the way is replaced."""
    first, _, rest = name.partition(".")
    if not rest:
        return event | {first: value}
    inner = event.get(first)
    return event | {first: _with(inner if isinstance(inner, dict) else {}, rest, value)}
