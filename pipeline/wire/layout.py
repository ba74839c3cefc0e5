"""The means by which `pipeline.wire.declaration` says what Java and Python exchange: letters, and heads of fields of fixed size."""

import struct
from enum import StrEnum
from typing import NamedTuple

import numpy as np


class Letter(StrEnum):
    """One ASCII letter that says what follows it, and its meaning."""

    byte: bytes
    meaning: str

    def __new__(cls, letter: str, meaning: str = "") -> "Letter":
        member = str.__new__(cls, letter)
        member._value_ = letter
        member.byte = letter.encode("ascii")
        member.meaning = meaning
        return member


class Type(NamedTuple):
    """The type of a field.

    Args:
        code: of the module `struct`.
        java: the Java type that the field is read as.
        read, write: Java expressions; the first takes the position in the buffer `in`, the second the field's name.
    """

    code: str
    java: str
    read: str
    write: str


TYPES = {
    "letter": Type("B", "char", "(char) (in.get(%s) & 0xFF)", "put((byte) %s)"),
    "i8": Type("b", "int", "in.get(%s)", "put((byte) %s)"),
    "u8": Type("B", "int", "in.get(%s) & 0xFF", "put((byte) %s)"),
    "u16": Type("H", "int", "in.getShort(%s) & 0xFFFF", "putShort((short) %s)"),
    "i32": Type("i", "int", "in.getInt(%s)", "putInt(%s)"),
    "u32": Type("I", "int", "in.getInt(%s)", "putInt(%s)"),  # counts and lengths alone: no array of Java is longer than an int says
    "i64": Type("q", "long", "in.getLong(%s)", "putLong(%s)"),
}
"""The types by their name in the declaration: ``i`` is signed, ``u`` unsigned, the number is that of the bits."""


class Field(NamedTuple):
    """A field of a layout.

    Args:
        name: in snake_case.
        type: a key of `TYPES`.
        meaning: a phrase for the documentation, with the unit.
    """

    name: str
    type: str
    meaning: str


class Layout:
    """A head: fields that follow each other without a gap, little-endian.

    Args:
        name: of its class in Java.
        meaning: a sentence that says where the head stands and what follows it.
        fields: (name, type, meaning) of each, in order.
        start: a layout whose fields come before these.
    """

    def __init__(self, name: str, meaning: str, *fields: tuple[str, str, str], start: "Layout | None" = None) -> None:
        self.name = name
        self.meaning = meaning
        self.fields: tuple[Field, ...] = (*(start.fields if start else ()), *(Field(*each) for each in fields))
        self.code = "".join(TYPES[field.type].code for field in self.fields)
        self._struct = struct.Struct("<" + self.code)
        self.size = self._struct.size
        self.pack = self._struct.pack
        self.unpack_from = self._struct.unpack_from

    def at(self, name: str) -> int:
        """The offset of the field `name` in bytes, counted from the head's first byte."""
        place = [field.name for field in self.fields].index(name)
        return struct.calcsize("<" + self.code[:place])

    def behind_its_length(self) -> struct.Struct:
        """The head with the length of the payload, a ``u32``, in front of it: so a frame's last parts are packed at once."""
        return struct.Struct("<I" + self.code)

    def dtype(self, *columns: tuple[str, str, tuple[int, ...]]) -> np.dtype[np.void]:
        """A row of numpy with the head's fields by name, and behind them further `columns` (name, type, shape)."""
        heads = [(field.name, "<" + TYPES[field.type].code) for field in self.fields]
        return np.dtype([*heads, *columns])
