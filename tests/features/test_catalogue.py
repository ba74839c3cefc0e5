import pytest

from features.definitions.template import EXAMPLE_SCHEMA
from features.schema.schema import read_schema
from features.sets.catalogue import NO_DIFFERENCE, Catalogue, Difference, catalogue_of, check_removal, difference
from features.sets.feature_set import read_features
from foundation.refusal import Refusal

SCHEMA = read_schema(EXAMPLE_SCHEMA)
FEATURES = """\
- {name: usual, template: mean, value: event.amount, window: 30d, description: What is usual., owner: cards}
- {name: ratio, expression: event.amount / feature.usual}
- {name: is_high, expression: feature.ratio > 3.0}
- {name: devices, template: distinct, entity: terminal_id, value: event.device_id, window: 1d, where: event.country == 'FR'}
"""
USERS = {"model shape": ["event.amount", "feature.ratio", "feature.devices"], "model own": ["feature.usual"]}


def catalogue(text: str = FEATURES) -> Catalogue:
    return catalogue_of(read_features(text, SCHEMA), USERS)


def test_an_entry_says_what_a_feature_is_and_where_it_comes_from() -> None:
    found = catalogue()
    usual, is_high, devices = found["usual"], found["is_high"], found["devices"]
    assert (usual.template, usual.type, usual.entity, usual.description, usual.owner) == (
        "mean",
        "number",
        "customer_id",
        "What is usual.",
        "cards",
    )
    assert is_high.type == "flag" and is_high.reads == ("feature.ratio",)
    assert devices.entity == "terminal_id" and devices.reads == ("event.device_id", "event.country")
    assert devices.state_words > 0 and devices.value_words > 0 and devices.cost_ns > 0


def test_an_entry_says_who_uses_the_feature() -> None:
    found = catalogue()
    assert found["usual"].used_by == ("expression ratio", "model own")
    assert found["ratio"].used_by == ("expression is_high", "model shape")
    assert found["is_high"].used_by == ()


def test_a_feature_that_somebody_reads_is_not_removed() -> None:
    with pytest.raises(Refusal, match=r"features.yaml: feature in use: expected usual, which is used by model own, got no feature usual"):
        check_removal(["usual"], USERS)
    check_removal(["is_high"], USERS)


def test_a_difference_names_what_is_new_gone_or_means_something_else() -> None:
    changed = FEATURES.replace("30d", "20d").replace("is_high", "high").replace("usual.", "usual here.")
    assert difference(catalogue(), catalogue(changed)) == Difference(("high",), ("usual", "ratio"), ("is_high",))


def test_what_is_said_to_people_changes_no_version() -> None:
    assert difference(catalogue(), catalogue(FEATURES.replace("owner: cards", "owner: risk"))) == NO_DIFFERENCE
