"""A release is tried before it is published: it is compiled, and it decides on synthetic events."""

import datetime
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NoReturn

import msgspec

from features.schema.decode import ID_CHARACTERS_MAX
from features.schema.schema import Field, Schema
from foundation.refusal import Refusal
from pipeline.engine.definitions.release import Release, compile_release
from pipeline.sinks.deliver_job import IndexedDecision
from pipeline.sinks.roll_up import CountedDecision
from pipeline.trial.one_process import OneProcess
from pipeline.trial.river_models import refuse_what_is_for_replay_only
from stores.archive.archive_encoding import decode_decision, encode_decisions
from stores.archive.archive_rows import ArchivedRecord

RELEASE = 1
DECISION_BYTES_MAX = 524_288
"""The most bytes of a decision on a synthetic event. A broker takes records of 1 MiB, and texts of real events may be longer."""
USUAL_MS = 1_600_000_000_000
_UTC = datetime.UTC
_VALUES = {"decimal": 1.5, "float": 1.5, "integer": 1, "boolean": True, "string": "text"}


def try_release(texts: Mapping[str, str], id: int = RELEASE) -> Release:
    """Compiles the YAML `texts`, given by part, into the release `id`, and runs three synthetic events through the code of all stages.

    One event has all fields, one has only the required fields, and one has the longest ids. The decisions are decoded as the delivering
    jobs decode them. Cost: that of compiling, and about 10 ms more.

    Raises:
        Refusal: the release does not compile, or does not decide on each of the events.
    """
    release = compile_release(id, texts)
    refuse_what_is_for_replay_only(release)
    stages = OneProcess()
    with _said_by_the_refusal():
        stages.release(id, texts)
        for value in synthetic_events(release.schema):
            stages.events([value], _arrival_ms(release.schema))
            stages.checkpoint()
    _require_decisions(stages, release)
    return release


def synthetic_events(schema: Schema) -> list[bytes]:
    """Makes three valid events of `schema`: one with all fields, one with only the required fields, one with ids of the greatest length."""
    longest = "é" * ID_CHARACTERS_MAX
    return [
        _event(schema, 1, "user", "entity", optional=True),
        _event(schema, 2, "user", None, optional=False),
        _event(schema, 3, longest, longest, optional=True),
    ]


def _event(schema: Schema, number: int, user: str, entity: str | None, optional: bool) -> bytes:
    values: dict[str, object] = {
        schema.id_field: number if schema.id_type == "integer" else str(number),
        schema.time_field: _time_of(schema, _time_ms(schema)),
        schema.user: user,
    }
    if entity is not None:
        values |= dict.fromkeys(schema.entities, entity)
    values |= {field.name: _value_of(field) for field in schema.fields if field.required or optional}
    event: dict[str, object] = {}
    for name, value in values.items():
        _put(event, name.split("."), value)
    return msgspec.json.encode(event)


def _put(event: dict[str, object], path: list[str], value: object) -> None:
    for part in path[:-1]:
        inner = event.setdefault(part, {})
        assert isinstance(inner, dict)
        event = inner
    event[path[-1]] = value


def _value_of(field: Field) -> object:
    return 1 if field.type == "decimal" and field.scale == 0 else _VALUES[field.type]


def _time_ms(schema: Schema) -> int:
    """Gives a time on a whole second, since every time unit can express that."""
    return max(USUAL_MS, -(-schema.min_time_ms // 1_000) * 1_000)


def _arrival_ms(schema: Schema) -> int:
    return _time_ms(schema) + 1


def _time_of(schema: Schema, time_ms: int) -> object:
    if schema.time_unit == "rfc3339":
        return datetime.datetime.fromtimestamp(time_ms // 1_000, _UTC).isoformat()
    return {"ms": time_ms, "s": time_ms // 1_000, "us": time_ms * 1_000}[schema.time_unit]


def _require_decisions(stages: OneProcess, release: Release) -> None:
    for _, letter in stages.out.get("X", []):
        reason = msgspec.json.decode(letter)["reason"]
        _refuse(f"{reason['what']} at {reason['where']}: {reason['got']}")
    values = [value for _, value in stages.out.get("D", [])]
    if len(values) != len(synthetic_events(release.schema)):
        _refuse(f"{len(values)} decisions")
    for value in values:
        if len(value) > DECISION_BYTES_MAX:
            _refuse(f"a decision of {len(value)} bytes", f"decisions of at most {DECISION_BYTES_MAX} bytes: fewer or shorter names")
        _read(value)


def _read(value: bytes) -> None:
    """Decodes a decision as the deliver, metrics and archive jobs do."""
    try:
        msgspec.json.decode(value, type=IndexedDecision)
        msgspec.json.decode(value, type=CountedDecision)
        encode_decisions([ArchivedRecord(0, 0, 0, b"", value)], [decode_decision(value)])
    except Exception as error:  # a delivering job would raise the same at every decision
        _refuse(f"{type(error).__name__}: {error}")


def _refuse(got: str, expected: str = "a decision on each synthetic event that the schema allows") -> NoReturn:
    raise Refusal("release does not decide", where="release", expected=expected, got=got)


@contextmanager
def _said_by_the_refusal() -> Iterator[None]:
    """Keeps the stages from logging faults of synthetic events, which are no faults of the running system."""
    names = ("pipeline.score_job.decode", "pipeline.score_job.undoable", "pipeline.control.definitions")
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled
