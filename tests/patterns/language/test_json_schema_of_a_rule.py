"""The JSON Schema of a rule takes what the reader takes, and refuses what the reader refuses for its form."""

import json
import pathlib
from typing import Any

import jsonschema
import pytest
from golden_refusals import HERE, cases, texts_of
from rule_scope import SCOPE

from foundation.document import read_document
from foundation.refusal import Refusal
from patterns.language import consequence_reader, inline_test_reader, parameters, said, sequence_reader
from patterns.language.file_form import BudgetForm, Form, ParameterForm, PatternForm, ThenForm
from patterns.language.json_schema import pattern_schema
from patterns.language.pattern import STATUSES
from patterns.language.rule_folder import read_patterns
from patterns.policy import ACTIONS
from patterns.severities import SEVERITIES

SCHEMA = pattern_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
GOOD = sorted((HERE / "good").glob("*.yaml"))
OF_FORM = {
    "unknown field",
    "missing field",
    "unknown value",
    "not a number of times",
    "not a duration",
    "nothing to match",
    "wrong number of steps",
    "not the name of a step",
    "not the name of a tag",
    "not in range",
    "wrong type",
}
"""What is wrong with the form alone. An unknown value may also be one that only a release knows, such as the name of an entity."""
NOT_OF_FORM = {
    "parameter_in_a_field_unknown": "a form does not know which parameters there are",
    "parameter_in_a_field_of_another_type": "a form does not know the types of parameters",
    "sequence_key_unknown": "the schema of events knows the entities",
    "list_addition_of_a_number": "the schema of events knows which fields are texts",
    "suppress_by_an_unknown_field": "the schema of events knows the fields",
    "test_given_an_unknown_feature": "the release knows the features",
    "times_backwards": "numbers in a text cannot be compared",
    "times_of_many": "numbers in a text cannot be compared",
}


def plain_of(text: str) -> Any:
    return read_document(text, "f").plain()


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.stem)
def test_a_good_rule_passes_the_reader_and_the_schema(file: pathlib.Path) -> None:
    read_patterns({file.stem: file.read_text()}, SCOPE).whole()
    VALIDATOR.validate(plain_of(file.read_text()))


@pytest.mark.parametrize("case", [case for case in cases() if case.is_file()], ids=lambda case: case.stem)
def test_what_the_reader_refuses_for_its_form_the_schema_refuses_too(case: pathlib.Path) -> None:
    (refusal,) = read_patterns(texts_of(case), SCOPE).refusals
    if refusal.what in OF_FORM and case.stem not in NOT_OF_FORM:
        with pytest.raises(jsonschema.ValidationError):
            VALIDATOR.validate(plain_of(case.read_text()))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    ("form", "field", "known"),
    [
        (PatternForm, "severity", SEVERITIES),
        (PatternForm, "status", STATUSES),
        (ThenForm, "action", ACTIONS),
        (BudgetForm, "then", ("shadow", "paused")),
        (ParameterForm, "type", parameters.TYPES),
    ],
)
def test_the_choices_of_a_field_are_those_of_the_reader(form: type[Form], field: str, known: tuple[str, ...]) -> None:
    assert sorted(SCHEMA["$defs"][form.__name__]["properties"][field]["enum"]) == sorted(known)


def test_the_bounds_of_the_schema_are_those_of_the_reader() -> None:
    parts = {name: part["properties"] for name, part in SCHEMA["$defs"].items()}
    assert parts["PatternForm"]["title"]["maxLength"] == said.LINE_CHARACTERS_MAX
    assert parts["PatternForm"]["why"]["maxLength"] == said.TEXT_CHARACTERS_MAX
    assert parts["SequenceForm"]["steps"]["maxItems"] == sequence_reader.STEPS_MAX
    assert parts["ThenForm"]["adjust"]["anyOf"][0]["maximum"] == consequence_reader.DECADES_MAX
    assert parts["SuppressForm"]["by"]["maxItems"] == consequence_reader.FIELDS_MAX
    assert parts["TestForm"]["events"]["maxItems"] == inline_test_reader.EVENTS_MAX


def test_a_rule_that_extends_another_needs_neither_owner_nor_condition() -> None:
    VALIDATOR.validate({"title": "t", "extends": "other"})
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate({"title": "t", "owner": "o"})


def test_what_the_schema_refuses_the_reader_refuses() -> None:
    accepted = []
    for wrong in ({"when": 3}, {"steps": []}, {"then": {"action": ["block"]}}, {"tests": {}}, {"adaptive": []}, {"references": "none"}):
        document = {"title": "t", "owner": "o", "when": "event.online", **wrong}
        assert list(VALIDATOR.iter_errors(document))
        try:
            read_patterns({"rule": json.dumps(document)}, SCOPE).whole()
            accepted.append(wrong)
        except Refusal:
            pass
    assert accepted == []
