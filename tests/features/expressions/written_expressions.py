"""Random expressions that fit their types, with values for what they read."""

import datetime

from hypothesis import strategies as st

from features.expressions.functions.types import Type
from features.expressions.names import Names

FIELDS = {
    "event.i": Type.INT,
    "event.j": Type.INT,
    "event.d": Type.DOUBLE,
    "event.e": Type.DOUBLE,
    "event.s": Type.STRING,
    "event.r": Type.STRING,
    "event.b": Type.BOOL,
    "event.c": Type.BOOL,
    "t": Type.TIMESTAMP,
    "u": Type.TIMESTAMP,
}
NAMES = Names(FIELDS)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_TEXTS = st.text(alphabet="ab1.-\u00e9\U0001f600", max_size=5)
_INTS = st.one_of(st.integers(-5, 5), st.sampled_from([-(2**63), 2**63 - 1, 2**53 + 1, 2**32, -(2**31)]), st.integers(-(2**63), 2**63 - 1))
_DOUBLES = st.one_of(st.sampled_from([0.0, -0.0, 0.5, 1.0, -2.5, 3.0, 1e300, -1e-300, 9.3e18]), st.floats(allow_nan=False, width=64))
_TIMES_US = st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)
_VALUES = {Type.INT: _INTS, Type.DOUBLE: _DOUBLES, Type.STRING: _TEXTS, Type.BOOL: st.booleans(), Type.TIMESTAMP: _TIMES_US}
_COMPARED = ("==", "!=", "<", "<=", ">", ">=")
_DAYS = ("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear")
_PARTS = (*_DAYS, "getHours", "getSeconds", "getMilliseconds")
_ZONES = ("", "", "'-02:30'", "'Asia/Kathmandu'")
_PATTERNS = ("^a+$", "[ab]1", "\\\\.", "(a|b)*-", "")


def events(missing: bool) -> st.SearchStrategy[dict]:
    """Values of every field; `missing` allows None for some."""
    return st.fixed_dictionaries({name: _VALUES[type] | st.none() if missing else _VALUES[type] for name, type in FIELDS.items()})


def _joined(*parts: object) -> st.SearchStrategy[str]:
    return st.tuples(*[part if isinstance(part, st.SearchStrategy) else st.just(str(part)) for part in parts]).map("".join)


def _one_of(options: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.sampled_from(options)


def _leaves(type: Type) -> st.SearchStrategy[str]:
    names = st.sampled_from([name for name, found in FIELDS.items() if found is type])
    literals = {
        Type.INT: st.integers(-9, 9).map(str) | st.sampled_from(["9223372036854775807", "-9223372036854775808"]),
        Type.DOUBLE: st.sampled_from(["0.0", "1.5", "-2.5", "3.0", "1e300"]),
        Type.STRING: _TEXTS.map(lambda text: f"'{text}'"),
        Type.BOOL: st.sampled_from(["true", "false"]),
        Type.TIMESTAMP: st.sampled_from(["timestamp('2009-02-13T23:31:30Z')", "timestamp('1969-12-31T23:59:59.999Z')"]),
        Type.DURATION: st.sampled_from(["duration('1h30m')", "duration('-1.5s')", "duration('90000000s')"]),
    }
    return literals[type] if type is Type.DURATION else names | literals[type]


@st.composite
def written(draw: st.DrawFn, type: Type, depth: int = 3) -> str:
    """An expression of a type, at most `depth` operations deep."""
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return draw(_leaves(type))

    def inner(kind: Type) -> st.SearchStrategy[str]:
        return written(kind, depth - 1)

    choice = _joined("(", inner(Type.BOOL), " ? ", inner(type), " : ", inner(type), ")")
    return draw(st.one_of(choice, *_SHAPES[type](inner)))


def _ints(inner):
    i, s = inner(Type.INT), inner(Type.STRING)
    return [
        _joined("(", i, _one_of((" + ", " - ", " * ", " / ", " % ")), i, ")"),
        _joined("-(", i, ")"),
        _joined("int(", inner(Type.DOUBLE), ")"),
        _joined("int(", s, ")"),
        _joined("int(", inner(Type.TIMESTAMP), ")"),
        _joined("size(", s, ")"),
        _joined("[", i, ", ", i, ", ", i, "][", i, "]"),
        _joined("{1: ", i, ", 2: ", i, "}[", i, "]"),
        _joined("[", i, ", ", i, "].filter(x, x > ", i, ").size()"),
        _joined("[", i, ", ", i, "].map(x, ", i, " / x)[0]"),
        _joined(inner(Type.TIMESTAMP), ".", _one_of(_PARTS), "(", _one_of(_ZONES), ")"),
        _joined(inner(Type.DURATION), ".", _one_of(("getHours", "getMinutes", "getSeconds", "getMilliseconds")), "()"),
    ]


def _doubles(inner):
    d = inner(Type.DOUBLE)
    return [
        _joined("(", d, _one_of((" + ", " - ", " * ", " / ")), d, ")"),
        _joined("-(", d, ")"),
        _joined("double(", inner(Type.INT), ")"),
        _joined("double(", inner(Type.STRING), ")"),
    ]


def _strings(inner):
    s = inner(Type.STRING)
    return [
        _joined("(", s, " + ", s, ")"),
        _joined("string(", inner(Type.INT), ")"),
        _joined("string(", inner(Type.BOOL), ")"),
        _joined("{'a': ", s, ", 'b': ", s, "}[", s, "]"),
    ]


def _bools(inner):
    i, d, s, b = inner(Type.INT), inner(Type.DOUBLE), inner(Type.STRING), inner(Type.BOOL)
    number = st.one_of(i, d)
    return [
        _joined("(", b, _one_of((" && ", " || ")), b, ")"),
        _joined("(", b, _one_of((" && ", " || ")), b, ")"),
        _joined("!(", b, ")"),
        _joined("(", number, " ", _one_of(_COMPARED), " ", number, ")"),
        _joined("(", s, " ", _one_of(_COMPARED), " ", s, ")"),
        _joined("(", b, " ", _one_of(_COMPARED), " ", b, ")"),
        _joined("(", inner(Type.TIMESTAMP), " ", _one_of(_COMPARED), " ", inner(Type.TIMESTAMP), ")"),
        _joined("(", inner(Type.DURATION), " ", _one_of(_COMPARED), " ", inner(Type.DURATION), ")"),
        _joined("(", number, " in [1, 2.5, ", number, "])"),
        _joined("(", i, " in [1, 2, -3])"),
        _joined("(", s, " in ['a', ", s, "])"),
        _joined("(", s, " in ['a', '', 'b1'])"),
        _joined(s, ".", _one_of(("contains", "startsWith", "endsWith")), "(", s, ")"),
        _joined(s, ".matches('", _one_of(_PATTERNS), "')"),
        _joined("[", i, ", ", i, ", 0].", _one_of(("all", "exists", "exists_one")), "(x, x > ", i, " || 6 / x == ", i, ")"),
        _joined("[", i, ", 1].filter(x, x != 0).", _one_of(("all", "exists")), "(y, ", i, " / y > 2)"),
        _joined("has(", st.sampled_from([name for name in FIELDS if name.startswith("event.")]), ")"),
        _joined("([", s, "] == [", s, "])"),
    ]


def _times(inner):
    t, length = inner(Type.TIMESTAMP), inner(Type.DURATION)
    return [
        _joined("(", t, _one_of((" + ", " - ")), length, ")"),
        _joined("(", length, " + ", t, ")"),
        _joined("timestamp(", inner(Type.INT), ")"),
    ]


def _durations(inner):
    t, length = inner(Type.TIMESTAMP), inner(Type.DURATION)
    return [_joined("(", t, " - ", t, ")"), _joined("(", length, _one_of((" + ", " - ")), length, ")")]


_SHAPES = {
    Type.INT: _ints,
    Type.DOUBLE: _doubles,
    Type.STRING: _strings,
    Type.BOOL: _bools,
    Type.TIMESTAMP: _times,
    Type.DURATION: _durations,
}
