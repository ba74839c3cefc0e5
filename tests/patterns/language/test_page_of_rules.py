"""The page about rules shows rules that are read, names every field, and gives every bound."""

import pathlib
import re

import pytest

from features.schema.schema import read_schema
from features.sets.feature_set import read_features
from foundation import yaml_tree
from patterns.language import (
    adaptive_reader,
    consequence_reader,
    cost,
    file_form,
    inline_test_reader,
    parameters,
    rule_folder,
    said,
    sequence_reader,
    template_reader,
)
from patterns.language.file_form import Form, fields
from patterns.language.rule_folder import read_patterns
from patterns.language.scope import Scope

PROJECT = pathlib.Path(__file__).parents[3]
PAGE = (PROJECT / "docs" / "patterns.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
NAMED = {match[1]: block for block in BLOCKS if (match := re.match(r"# patterns/(\w+)\.yaml\n", block))}
FRAGMENTS = [block for block in BLOCKS if not block.startswith("# patterns/")]


@pytest.fixture(scope="module")
def scope() -> Scope:
    sample = PROJECT / "deploy" / "samples" / "payments"
    schema = read_schema((sample / "schema.yaml").read_text())
    features = read_features((sample / "features.yaml").read_text(), schema)
    models = re.findall(r"name: (\w+)", (sample / "models.yaml").read_text())
    return Scope(schema, features, tuple(models), frozenset(("watched_devices",)))


def test_all_rules_of_the_page_are_read_as_one_folder(scope: Scope) -> None:
    assert len(NAMED) >= 4
    assert list(read_patterns(NAMED, scope).whole()) == sorted(NAMED)


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_every_part_of_a_rule_on_the_page_is_read(fragment: str, scope: Scope) -> None:
    read_patterns({"rule": f"title: t\nowner: o\n{fragment}"}, scope).whole()


def test_the_refusal_on_the_page_is_the_one_that_is_given(scope: Scope) -> None:
    shown = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)[0]
    (refusal,) = read_patterns({"velocity": "title: t\nowner: o\nwhen: feature.payment_1h > 3.0\n"}, scope).refusals
    assert f"{refusal}\n" == shown


FORMS = [form for form in vars(file_form).values() if isinstance(form, type) and issubclass(form, Form) and form is not Form]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_the_page_names_every_field(form: type[Form]) -> None:
    assert [name for name in fields(form) if f"`{name}`" not in PAGE and f"{name}:" not in PAGE] == []


@pytest.mark.parametrize(
    "bound",
    [
        cost.UNITS_MAX,
        cost.STATE_BYTES_MAX,
        rule_folder.PATTERNS_MAX,
        yaml_tree.CHARACTERS_MAX,
        yaml_tree.NODES_MAX,
        sequence_reader.STEPS_MAX,
        sequence_reader.TIMES_MAX,
        parameters.PARAMETERS_MAX,
        parameters.VALUES_MAX,
        adaptive_reader.ADAPTIVE_MAX,
        template_reader.VALUES_MAX,
        consequence_reader.EXCEPTIONS_MAX,
        inline_test_reader.TESTS_MAX,
        inline_test_reader.EVENTS_MAX,
        said.LINE_CHARACTERS_MAX,
        said.TEXT_CHARACTERS_MAX,
    ],
)
def test_the_page_gives_every_bound(bound: int) -> None:
    table = PAGE[PAGE.index("## Costs and bounds") : PAGE.index("## Refusals and warnings")]
    assert re.search(rf"(?<![\d,]){bound:,}(?![\d,])", table)
