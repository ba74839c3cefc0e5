"""Declares facts: what somebody says of an entity, such as a verdict, an override or a tag, which expressions read by its name."""

import hashlib
import math
import re

import msgspec

from foundation.document import Section
from foundation.refusal import Refusal

FACTS_MAX = 16
"""The maximum number of facts of one type of entity: every profile that has any carries them."""
VALUES_MAX = 1_000
VALUE_CHARACTERS_MAX = 128
PREFIX = "entity."
"""Expressions read a fact as ``entity.<type of entity>.<name>``."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_PLAIN = ("boolean", "number")
_TEXT_BYTES = 6

Value = bool | float | str


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Describes one fact that entities of a type may have.

    Args:
        kind: the type of entity, which is the name of the field with its id.
        name: unique among the facts of that type.
        type: boolean, number or text.
        values: the texts that it may be; empty for booleans and numbers.
    """

    kind: str
    name: str
    type: str
    values: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Returns the name by which expressions read it."""
        return f"{PREFIX}{self.kind}.{self.name}"

    def accepts(self, value: Value) -> bool:
        """Tells whether `value` is one of this fact."""
        if self.type == "boolean":
            return isinstance(value, bool)
        if self.type == "number":
            return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return isinstance(value, str) and value in self.values

    def check(self, value: Value) -> None:
        """Refuses a value that this fact may not have.

        Raises:
            Refusal: names ``value``.
        """
        if not self.accepts(value):
            expected = "one of " + ", ".join(self.values) if self.values else {"boolean": "true or false"}.get(self.type, "a finite number")
            raise Refusal(f"not a value of {self.path}", where="value", expected=expected, got=value)


def number_of(value: Value) -> float:
    """Returns the number by which a profile keeps a value: 0 or 1 for a boolean, and 48 bits of a hash for a text.

    Two texts share one with a probability of 2**-48; the texts that a fact may be are refused if any two do.
    """
    if isinstance(value, str):
        return float(int.from_bytes(hashlib.blake2b(value.encode(), digest_size=_TEXT_BYTES).digest(), "big"))
    return float(value)


def read_facts(section: Section, kinds: tuple[str, ...]) -> tuple[Fact, ...]:
    """Reads the facts of a schema whose types of entities are `kinds`, the primary one first.

    Raises:
        Refusal: a type of entity is unknown, or a fact has no name, type or values that can be, or there are too many.
    """
    section.only(*kinds)
    return tuple(fact for kind in kinds if section.has(kind) for fact in _facts_of(kind, section.at(kind)))


def _facts_of(kind: str, section: Section) -> list[Fact]:
    facts: list[Fact] = []
    for name, declared in section.entries():
        if not _NAME.fullmatch(name.text()):
            name.refuse("not the name of a fact", "1 to 64 letters, digits and _, no digit first")
        if len(facts) == FACTS_MAX:
            name.refuse("too many facts", f"at most {FACTS_MAX} of one type of entity")
        facts.append(_read_fact(kind, name.text(), declared))
    return facts


def _read_fact(kind: str, name: str, section: Section) -> Fact:
    if not section.is_mapping():
        return Fact(kind=kind, name=name, type=section.choice(_PLAIN))
    section.only("values")
    values: list[str] = []
    numbers: set[float] = set()
    for item in section.at("values").items():
        value = item.text()
        if not 0 < len(value) <= VALUE_CHARACTERS_MAX or len(values) == VALUES_MAX:
            item.refuse("not a value of a fact", f"at most {VALUES_MAX} texts of 1 to {VALUE_CHARACTERS_MAX} characters")
        if number_of(value) in numbers:
            item.refuse("value given twice", "each value once", value)
        numbers.add(number_of(value))
        values.append(value)
    if not values:
        section.at("values").refuse("no value", "at least one text")
    return Fact(kind=kind, name=name, type="text", values=tuple(values))
