"""A release on trial: compiled, and made to decide on events of its own before anybody relies on it."""

import datetime
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NoReturn

import msgspec

from features.schema.decode import ID_CHARACTERS_MAX
from features.schema.schema import Field, Schema
from foundation.refusal import Refusal
from pipeline.engine.release import Release, compile_release
from pipeline.sinks.deliver_job import IndexedDecision
from pipeline.sinks.roll_up import CountedDecision
from pipeline.trial.one_process import OneProcess
from stores.archive.archive_encoding import decode_decision, encode_decisions
from stores.archive.archive_rows import ArchivedRecord

RELEASE = 1
DECISION_BYTES_MAX = 524_288
"""Of a decision on a synthetic event: a broker takes records of 1 MiB, and an event's own texts may be longer than those here."""
USUAL_MS = 1_600_000_000_000
_UTC = datetime.UTC
_VALUES = {"decimal": 1.5, "float": 1.5, "integer": 1, "boolean": True, "string": "text"}


def try_release(texts: Mapping[str, str], id: int = RELEASE) -> Release:
    """The release `id` of the YAML `texts`, by part, after it has decided on three synthetic events through every stage's code.

    One has all its fields, one lacks whatever may be absent, and one has the longest ids. What the stages give is read as the jobs
    behind them read it. Costs what compiling costs, and some 10 ms.

    Raises:
        Refusal: it does not compile, or does not decide on such an event.
    """
    release = compile_release(id, texts)
    stages = OneProcess()
    with _said_by_the_refusal():
        stages.release(id, texts)
        for value in synthetic_events(release.schema):
            stages.events([value], _arrival_ms(release.schema))
            stages.checkpoint()
    _require_decisions(stages, release)
    return release


def synthetic_events(schema: Schema) -> list[bytes]:
    """Three valid events of `schema`: with all fields, with those alone that it requires, and with ids of the greatest length."""
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
    """On a whole second, as every unit can say it."""
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
    """As the store of decisions, the metrics and the archive take a decision in."""
    try:
        msgspec.json.decode(value, type=IndexedDecision)
        msgspec.json.decode(value, type=CountedDecision)
        encode_decisions([ArchivedRecord(0, 0, 0, b"", value)], [decode_decision(value)])
    except Exception as error:  # whatever a job behind would raise for every decision
        _refuse(f"{type(error).__name__}: {error}")


def _refuse(got: str, expected: str = "a decision on each synthetic event that the schema allows") -> NoReturn:
    raise Refusal("release does not decide", where="release", expected=expected, got=got)


@contextmanager
def _said_by_the_refusal() -> Iterator[None]:
    """Keeps the stages from logging what befalls a synthetic event: it is no fault of the running system."""
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
