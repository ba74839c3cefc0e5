"""``Wire.java``: the declaration as Java reads it."""

import re
from collections.abc import Iterator

from pipeline.wire.declaration import CONSTANTS, EXCHANGED, LETTERS
from pipeline.wire.layout import TYPES, Field, Layout, Letter

_HEAD = """package weir.flink;

import java.nio.ByteBuffer;

/**
 * What Java and Python exchange. Made from pipeline/wire/declaration.py by `python -m pipeline.wire`; edit that file instead.
 *
 * <p>A class for each head. Its constants are offsets; its getters read the head that begins at the buffer's position and leave the
 * position; `put` writes a head and moves on.
 */
final class Wire {
"""


def java_source() -> str:
    """The text of ``Wire.java``."""
    parts = [
        *(f"    static final {_constant(name, value)}" for name, value in CONSTANTS.items()),
        "",
        "    private Wire() {}",
        *(_class(letters.__name__, (letters.__doc__ or "").strip(), _letters(letters)) for letters in LETTERS),
        *(_class(layout.name, layout.meaning, _members(layout)) for layout in EXCHANGED),
    ]
    return _HEAD + "\n".join(parts) + "\n}\n"


def _constant(name: str, value: str | int) -> str:
    if isinstance(value, str):
        escaped = value.replace("\0", "\\0")
        return f'String {name} = "{escaped}";'
    return f"int {name} = {value};" if -(1 << 31) <= value < 1 << 31 else f"long {name} = {value}L;"


def _class(name: str, meaning: str, members: Iterator[str]) -> str:
    lines = "\n".join(f"        {member}" if member else "" for member in members)
    return f"\n    /** {meaning} */\n    static final class {name} {{\n{lines}\n\n        private {name}() {{}}\n    }}"


def _letters(letters: type[Letter]) -> Iterator[str]:
    for name, letter in letters.__members__.items():
        yield f"/** {letter.meaning[0].upper()}{letter.meaning[1:]}. */"
        yield f"static final char {name} = '{letter}';"


def _members(layout: Layout) -> Iterator[str]:
    yield f"static final int SIZE = {layout.size};"
    for field in layout.fields:
        yield f"static final int {field.name.upper()} = {layout.at(field.name)};"
    for field in layout.fields:
        yield from _getter(field)
    yield ""
    parameters = ", ".join(f"{TYPES[field.type].java} {_camel(field.name)}" for field in layout.fields)
    writes = ".".join(TYPES[field.type].write % _camel(field.name) for field in layout.fields)
    yield f"static ByteBuffer put(ByteBuffer out, {parameters}) {{"
    yield f"    return out.{writes};"
    yield "}"


def _getter(field: Field) -> Iterator[str]:
    type = TYPES[field.type]
    yield ""
    yield f"/** {field.meaning[0].upper()}{field.meaning[1:]}. */"
    yield f"static {type.java} {_camel(field.name)}(ByteBuffer in) {{"
    yield f"    return {type.read % f'in.position() + {field.name.upper()}'};"
    yield "}"


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)
