"""Every refusal points at the place and says what was expected, what was there, and what to do."""

import pathlib

import pytest

from features.expressions.expression import compile_expression
from features.expressions.functions.types import Type
from features.expressions.names import Names
from foundation.place import ExpressionRefusal, Place

HERE = pathlib.Path(__file__).parent
NAMES = Names(
    {
        "event.amount": Type.DOUBLE,
        "event.items": Type.INT,
        "event.online": Type.BOOL,
        "event.category": Type.STRING,
        "event.city": Type.STRING,
        "event.card.country": Type.STRING,
        "event.at": Type.TIMESTAMP,
        "feature.count_1h": Type.DOUBLE,
    }
)
REFUSED = [line.replace("\\n", "\n") for line in (HERE / "refused_expressions.txt").read_text().split("\n") if line]


def refusal_of(text: str) -> str:
    with pytest.raises(ExpressionRefusal) as caught:
        compile_expression(text, NAMES, Place("features.yaml", 7, 30))
    return str(caught.value)


def test_refusals_read_as_the_golden_file_has_them() -> None:
    shown = "\n\n".join(refusal_of(text) for text in REFUSED) + "\n"
    assert shown == (HERE / "refusals.golden.txt").read_text()


def test_a_refusal_gives_its_excerpt_beside_the_other_parts() -> None:
    with pytest.raises(ExpressionRefusal) as caught:
        compile_expression("1 +\n event.amuont", NAMES, Place("where", 3, 5))
    assert caught.value.fields() == {
        "what": "unknown name",
        "where": "where:4:8",
        "expected": NAMES.expected("event.amuont"),
        "got": "event.amuont",
        "remedy": "did you mean event.amount?",
        "excerpt": "   event.amuont\n         ^",
    }


def test_a_long_line_is_shown_around_the_place() -> None:
    excerpt = refusal_of("event.online && " * 40 + "event.onlin" + " && event.online" * 40).split("\n")[1:]
    assert max(len(line) for line in excerpt) < 110
    assert excerpt[0][excerpt[1].index("^") :].startswith("onlin &&")


def test_a_tab_takes_one_place() -> None:
    excerpt = refusal_of("event.online &&\tevent.onlin").split("\n")[1:]
    assert excerpt[0][excerpt[1].index("^") :] == "onlin"
