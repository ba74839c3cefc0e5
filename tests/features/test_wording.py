"""Every template's example is put into words, which are compared with a golden file; `WEIR_GOLDEN=write` writes it anew."""

import os
import pathlib

import pytest

from features.definitions.template import EXAMPLE_SCHEMA
from features.definitions.template_registry import TEMPLATES
from features.definitions.wording import entity_in_words, length_in_words, number_in_words, said
from features.schema.schema import read_schema
from features.sets.feature_set import read_features
from foundation.refusal import Refusal

GOLDEN = pathlib.Path(__file__).with_name("wording.golden.txt")
SCHEMA = read_schema(EXAMPLE_SCHEMA, "schema.yaml")


def test_every_template_says_a_value_in_words() -> None:
    lines = []
    for template in TEMPLATES.values():
        for definition in read_features(template.example, SCHEMA).definitions.values():
            lines += [f"{definition.name}: {said(definition, value)}" for value in (4.0, 0.25, float("nan"))]
    found = "\n".join(lines) + "\n"
    if os.environ.get("WEIR_GOLDEN") == "write":
        GOLDEN.write_text(found)
    assert found == GOLDEN.read_text()


def test_a_description_takes_the_place_of_the_templates_words() -> None:
    described = "- {name: a, template: count, window: 1m, description: Payments in a minute.}"
    [definition] = read_features(described, SCHEMA).definitions.values()
    assert said(definition, 3.0) == "3 payments in a minute"
    assert said(definition, 1.0) == "Payments in a minute: 1"


@pytest.mark.parametrize(
    ("value", "words"),
    [(3.0, "3"), (0.2, "0.2"), (0.00123, "0.0012"), (3842.85, "3,842.85"), (12.5, "12.5"), (-7.0, "-7"), (1e15, "1e+15"), (0.0, "0"),
     (4.6e-05, "almost 0"), (-4.6e-05, "almost 0"), (0.0001, "0.0001"), (2.5e12, "2,500,000,000,000")],
)  # fmt: skip
def test_numbers_are_short_and_have_no_exponent_that_a_reader_would_meet(value: float, words: str) -> None:
    assert number_in_words(value) == words


def test_lengths_of_time_have_the_greatest_unit_that_they_have_two_of() -> None:
    assert [length_in_words(each) for each in (0.0, 1.0, 90.0, 120.0, 7_300.0, 200_000.0)] == [
        "0 seconds", "1 second", "90 seconds", "2 minutes", "2 hours", "2 days",
    ]  # fmt: skip


def test_an_entity_is_named_without_the_ending_of_its_field() -> None:
    assert entity_in_words("customer_id") == "customer"
    assert entity_in_words("customer_id+TERMINAL_ID") == "customer and terminal"


@pytest.mark.parametrize("usual_of", ["event.amuont", "feature.b", "feature.unknown"])
def test_a_usual_value_is_of_another_number_that_is_known(usual_of: str) -> None:
    text = f"- {{name: a, template: count, window: 1m}}\n- {{name: b, template: count, window: 30d, usual_of: {usual_of}}}\n"
    with pytest.raises(Refusal) as refused:
        read_features(text, SCHEMA)
    assert "2:53" in str(refused.value)


def test_a_number_has_one_usual_value() -> None:
    text = "".join(f"- {{name: {name}, template: count, window: 30d, usual_of: event.amount}}\n" for name in "ab")
    with pytest.raises(Refusal, match="usual value given twice"):
        read_features(text, SCHEMA)
