"""The record of a fact on the topic ``facts``, and its checks, which every door makes."""

import datetime
import math
from typing import Literal

import msgspec

from features.profiles.fact_table import NEVER, FactTable
from features.schema.decode import ID_CHARACTERS_MAX
from features.schema.facts import VALUE_CHARACTERS_MAX, Fact, Value, number_of
from features.schema.schema import Schema
from foundation.refusal import Refusal
from pipeline.engine.label_times import label_time_ms

REASON_CHARACTERS_MAX = 500
_EXPECTED = '{"kind", "entity", "name", "value", "since"} or with "op": "delete" and no value'


class FactRecord(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A fact of an entity, or that a fact is deleted.

    Args:
        kind: the type of entity.
        entity: its id.
        name: of the fact.
        op: put or delete, which counts from `since` on too; or forget, which takes all of the fact away at once, and which only a record
            without a value says.
        value: a truth value, a number or a text; None in a deletion.
        since: the event time from which on (inclusive) it holds, in ms since the epoch.
        written: when it was written, in ms since the epoch: of two that hold from one time on, the one written later counts.
        expires: the event time from which on (inclusive) it holds no more; None for never.
        by: the caller who said it.
        reason: why, in words.
        record: an id of the record.
    """

    kind: str
    entity: str
    name: str
    since: int
    op: Literal["put", "delete", "forget"] = "put"
    value: Value | None = None
    written: int = 0
    expires: int | None = None
    by: str = ""
    reason: str = ""
    record: str = ""


class _Given(msgspec.Struct):
    """A fact as people and programs write it: its times may be RFC 3339 too."""

    kind: str
    entity: str
    name: str
    since: int | datetime.datetime
    op: Literal["put", "delete"] = "put"
    value: Value | None = None
    written: int = 0
    expires: int | datetime.datetime | None = None
    by: str = ""
    reason: str = ""
    record: str = ""


_decode = msgspec.json.Decoder(_Given).decode


def read_fact(value: bytes | memoryview) -> FactRecord:
    """Decodes the value of a record, or a line of a file of facts, whose times may be RFC 3339 with a zone too.

    Raises:
        Refusal: it is no fact; names the field.
    """
    try:
        given = msgspec.structs.asdict(_decode(value))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("bad fact", where="fact", expected=_EXPECTED, got=str(error)) from error
    times = {name: moment_ms(given[name], name) for name in ("since", "expires") if given[name] is not None}
    return checked(FactRecord(**given | times))


def checked(fact: FactRecord) -> FactRecord:
    """Returns `fact` if it is one.

    Raises:
        Refusal: a field is out of its range, or does not go with another.
    """
    for name, text, most in (("entity", fact.entity, ID_CHARACTERS_MAX), ("name", fact.name, ID_CHARACTERS_MAX), ("kind", fact.kind, 128)):
        if not 0 < len(text) <= most:
            raise Refusal(f"bad {name} of a fact", where=name, expected=f"1 to {most} characters", got=text)
    if (fact.value is None) != (fact.op == "delete"):
        raise Refusal("bad fact", where="value", expected=_EXPECTED, got=f"op {fact.op} with {fact.value}")
    if isinstance(fact.value, str) and len(fact.value) > VALUE_CHARACTERS_MAX:
        raise Refusal("bad fact", where="value", expected=f"at most {VALUE_CHARACTERS_MAX} characters", got=fact.value)
    if fact.expires is not None and fact.expires <= fact.since:
        raise Refusal("fact that ends before it begins", where="expires", expected=f"a time after since, {fact.since} ms", got=fact.expires)
    return fact


def moment_ms(given: int | datetime.datetime, where: str) -> int:
    """Returns ms since the epoch of a time that a person wrote.

    Raises:
        Refusal: it has no zone or is out of range; names `where`.
    """
    try:
        return label_time_ms(given, 0)
    except Refusal as refusal:
        raise Refusal(refusal.what, where=where, expected=refusal.expected, got=refusal.got, remedy=refusal.remedy) from refusal


def declared(schema: Schema, kind: str, name: str) -> Fact | None:
    """Returns the fact that `schema` declares under `kind` and `name`, if it does."""
    return next((fact for fact in schema.facts_of(kind) if fact.name == name), None)


def check_declared(schema: Schema, fact: FactRecord) -> None:
    """Refuses a fact that the schema does not declare, or whose value it does not allow.

    Raises:
        Refusal: names ``name`` or ``value``.
    """
    known = declared(schema, fact.kind, fact.name)
    if known is None:
        names = [each.path for each in schema.facts]
        remedy = "declare it under facts: in schema.yaml"
        got = f"{fact.kind}.{fact.name}"
        raise Refusal(
            "unknown fact", where="name", expected=", ".join(names) or "a fact, of which the schema declares none", got=got, remedy=remedy
        )
    if fact.value is not None:
        known.check(fact.value)


def tell(table: FactTable, slot: int, fact: FactRecord) -> None:
    """Gives a fact to the profile in `slot`."""
    if fact.op == "forget":
        table.drop(slot, fact.name)
        return
    value = math.nan if fact.value is None else number_of(fact.value)
    table.put(slot, fact.name, (fact.since, fact.written, value, NEVER if fact.expires is None else fact.expires))
