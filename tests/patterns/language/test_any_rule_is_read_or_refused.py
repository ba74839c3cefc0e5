"""Whatever stands in a rule's file, it is read or refused by one sentence with its place, and what is read fits the form for editors."""

import re

import jsonschema
from golden_refusals import HERE
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_scope import SCOPE

from foundation.document import read_document
from patterns.language.json_schema import pattern_schema
from patterns.language.rule_folder import read_patterns
from patterns.language.scope import seen_of

GOOD = [file.read_text() for file in sorted((HERE / "good").glob("*.yaml"))]
WORDS = sorted({word for text in GOOD for word in re.findall(r"[A-Za-z_][\w.]*", text)})
SIGNS = [*"{}[]:,'\"\n |+().-\t0>", "&&", "{{", "}}"]
VALUES = [
    "null",
    "true",
    "-1",
    "1e400",
    "[]",
    "{}",
    "[[]]",
    "''",
    "0",
    "1.5",
    "a.b",
    "parameter.small",
    "probe.count",
    "event",
    "5m",
    "99999999999999d",
    "2027-01-31",
    "1/3",
    "3+",
    "2..1",
    "é",
    "-0.0",
    "9e307",
    "1e-320",
    "999999999999999999999999",
    "event.amount",
    "'{event.amount}'",
    "'{'",
    "0001-01-01",
    "9999-12-31",
    "9999-12-31T23:59:59+00:00",
    "card_testing",
    "{a:\xa0b}",
]
SEEN = seen_of({"amount": None, "merchant_category": ["books"]})
VALIDATOR = jsonschema.Draft202012Validator(pattern_schema())


@st.composite
def mutated_rules(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(GOOD))
    for _ in range(draw(st.integers(1, 3))):
        pattern, others = draw(st.sampled_from([(r"(?<=[:,\[] )[^,\n\[\]{}]+", VALUES), (r"[A-Za-z_][\w.]*", WORDS), (r".|\n", SIGNS)]))
        found = list(re.finditer(pattern, text))
        if found:
            place = draw(st.sampled_from(found))
            text = text[: place.start()] + draw(st.sampled_from(others)) + text[place.end() :]
    return text


@settings(deadline=None)
@given(mutated_rules())
def test_a_rule_with_something_else_in_it_is_read_or_refused(text: str) -> None:
    reading = read_patterns({"card_testing": text}, SCOPE, SEEN)
    assert len(reading.patterns) + len(reading.refusals) == 1
    for refusal in reading.refusals:
        assert re.match(r"patterns/card_testing\.yaml:\d+:\d+: ", str(refusal))
    if reading.patterns:
        VALIDATOR.validate(read_document(text, "f").plain())
