"""Random conditions over names of every kind, and events for them."""

from hypothesis import strategies as st

from features.expressions.expression import compile_expression
from features.expressions.functions.column import Column
from features.expressions.functions.types import Type
from features.expressions.names import IN_LIST, Names
from features.expressions.syntax.parser import read_expression
from foundation.place import Place, Source
from patterns.language.pattern import Condition, Missing

FIELDS = {
    "event.amount": Type.DOUBLE,
    "event.tries": Type.INT,
    "event.category": Type.STRING,
    "event.device": Type.STRING,
    "event.online": Type.BOOL,
    "event.ts": Type.TIMESTAMP,
    "feature.count_1h": Type.DOUBLE,
    "model.odd": Type.DOUBLE,
    "adaptive.usual": Type.DOUBLE,
    "entity.card.risk": Type.DOUBLE,
    "probe.count": Type.INT,
}
LISTED = f"event.device{IN_LIST}watched"
NAMES = Names(FIELDS, lists=True)
TYPES = FIELDS | {LISTED: Type.BOOL}
_DOUBLES = [-1e300, -2.5, -0.0, 0.0, 0.5, 1.0, 2.5, 3.0, 1e300, float("inf"), -float("inf")]
_INTS = [-(1 << 63), -3, -1, 0, 1, 2, 3, (1 << 53) + 1, (1 << 63) - 1]
_TEXTS = ["", "a", "b", "ab", "c"]
_TIMES = [1_234_567_890_000_000 + shift for shift in (-1, 0, 1)]
_VALUES = {
    Type.DOUBLE: st.sampled_from(_DOUBLES),
    Type.INT: st.sampled_from(_INTS),
    Type.STRING: st.sampled_from(_TEXTS),
    Type.BOOL: st.booleans(),
    Type.TIMESTAMP: st.sampled_from(_TIMES),
}
_COMPARED = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
_WRITTEN_DOUBLES = st.sampled_from(["-2.5", "0.0", "-0.0", "0.5", "1.0", "2.5", "3.0", "1e300"])
_WRITTEN_INTS = st.sampled_from(["-3", "-1", "0", "1", "2", "3", "9007199254740993", "9223372036854775807", "-9223372036854775808"])
_WRITTEN_TEXTS = st.sampled_from([f"'{text}'" for text in _TEXTS])


def events() -> st.SearchStrategy[dict]:
    """Values by name; None where the event lacks one."""
    return st.fixed_dictionaries({name: _VALUES[type] | st.none() for name, type in FIELDS.items()}).flatmap(_with_lists)


def _with_lists(event: dict) -> st.SearchStrategy[dict]:
    return st.booleans().map(lambda listed: event | {LISTED: None if event["event.device"] is None else listed})


def columns_of(rows: list[dict]) -> dict[str, Column]:
    """The columns of events."""
    return {name: Column.of_values(type, [row[name] for row in rows]) for name, type in TYPES.items()}


def condition(text: str, missing: Missing = Missing.FALSE, known: Names = NAMES) -> Condition:
    """A checked condition."""
    place = Place()
    names = compile_expression(text, known, place).names
    lists = frozenset(name.split(IN_LIST)[1] for name in names if IN_LIST in name)
    return Condition(text, read_expression(Source(text, place)), Type.BOOL, names, lists, place, missing=missing)


def _named(type: Type) -> st.SearchStrategy[str]:
    return st.sampled_from([name for name, found in FIELDS.items() if found is type])


def _joined(*parts) -> st.SearchStrategy[str]:
    return st.tuples(*[part if isinstance(part, st.SearchStrategy) else st.just(part) for part in parts]).map("".join)


def _lists(written: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(written, min_size=1, max_size=4).map(lambda items: f"[{', '.join(items)}]")


def atoms() -> st.SearchStrategy[str]:
    """Atomic predicates: those of the index, and others."""
    doubles, ints = _named(Type.DOUBLE), _named(Type.INT)
    texts = _named(Type.STRING)
    number = st.one_of(doubles, ints, _WRITTEN_DOUBLES, _WRITTEN_INTS)
    computed = _joined("(", doubles, st.sampled_from([" + ", " - ", " * ", " / "]), st.one_of(doubles, _WRITTEN_DOUBLES), ")")
    whole = _joined("(", ints, st.sampled_from([" + ", " - ", " * ", " / ", " % "]), st.one_of(ints, _WRITTEN_INTS), ")")
    return st.one_of(
        _joined(doubles, " ", _COMPARED, " ", _WRITTEN_DOUBLES),
        _joined(doubles, " ", _COMPARED, " ", _WRITTEN_DOUBLES),
        _joined(_WRITTEN_DOUBLES, " ", _COMPARED, " ", doubles),
        _joined(number, " ", _COMPARED, " ", number),
        _joined(computed, " ", _COMPARED, " ", number),
        _joined(whole, " ", _COMPARED, " ", number),
        _joined(ints, " in ", _lists(st.one_of(_WRITTEN_INTS, _WRITTEN_DOUBLES))),
        _joined(doubles, " in ", _lists(st.one_of(_WRITTEN_INTS, _WRITTEN_DOUBLES))),
        _joined(texts, st.sampled_from([" == ", " != ", " < "]), st.one_of(_WRITTEN_TEXTS, texts)),
        _joined(texts, " in ", _lists(_WRITTEN_TEXTS)),
        _joined(texts, ".startsWith(", _WRITTEN_TEXTS, ")"),
        _joined(texts, ".size() ", _COMPARED, " ", _WRITTEN_INTS),
        _joined("event.ts ", _COMPARED, " timestamp('2009-02-13T23:31:30Z')"),
        st.sampled_from(
            ["event.online", "event.online == false", "true", "false", "event.device in list.watched", "1 / 0 == 1", "event.tries in []"]
        ),
        _joined("has(", st.sampled_from(list(FIELDS)), ")"),
    )


def texts() -> st.SearchStrategy[str]:
    """Conditions with and, or, not and choice."""
    return st.recursive(atoms(), _nested, max_leaves=8)


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        _joined("(", inner, " && ", inner, ")"),
        _joined("(", inner, " && ", inner, " && ", inner, ")"),
        _joined("(", inner, " || ", inner, ")"),
        _joined("!(", inner, ")"),
        _joined("(", inner, " ? ", inner, " : ", inner, ")"),
    )


def conditions() -> st.SearchStrategy[Condition]:
    """Checked conditions."""
    return st.tuples(texts(), st.sampled_from(Missing)).map(lambda both: condition(*both))
