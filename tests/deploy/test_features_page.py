"""What `weir features` says."""

import pytest

from deploy.commands.features_page import features_page, template_page, templates_page
from features.definitions.template import EXAMPLE_SCHEMA
from features.definitions.template_registry import TEMPLATES
from features.schema.schema import read_schema
from features.sets.feature_set import read_features
from foundation.refusal import Refusal


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_page_has_all_parameters_and_the_example_of_its_template(name: str) -> None:
    page = template_page(name)
    assert TEMPLATES[name].example in page
    assert all(f"  {parameter.name} " in page for parameter in TEMPLATES[name].parameters)
    assert f"{name} " in templates_page()


def test_an_unknown_template_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(Refusal, match="did you mean entropy"):
        template_page("entropie")


def test_features_of_a_folder_are_listed_with_their_entity_and_cost() -> None:
    text = "- {name: a, template: count, entity: terminal_id, window: 1h}\n- {name: b, expression: feature.a * 2.0}"
    lines = features_page(read_features(text, read_schema(EXAMPLE_SCHEMA))).splitlines()
    assert lines[0].split()[:3] == ["a", "count", "terminal_id"]
    assert lines[1].split()[:2] == ["b", "expression"]
