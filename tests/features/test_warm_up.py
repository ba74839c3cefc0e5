"""An upload is told which features have to warm up."""

import pytest

from features.schema.schema import read_schema
from features.sets.feature_set import read_features
from features.sets.warm_up import features_that_warm

SCHEMA = read_schema(
    """
id: id
time: {field: ts}
user: user
entities: [shop]
fields: {amount: {type: decimal, retain: true}, kind: {type: string, retain: true}, other: {type: float}}
retention: 30d
"""
)
OLD = "- {name: old, template: count, window: 1h}\n"


@pytest.mark.parametrize(
    ("definition", "warms"),
    [
        ("template: sum, value: event.amount, window: 7d", False),
        ("template: sum, value: event.amount, window: 31d", True),
        ("template: sum, value: event.other, window: 7d", True),
        ("template: distinct, value: event.kind, window: {last: 50}", False),
        ("template: count, window: 7d, where: event.kind == 'a'", False),
        ("template: count, window: 7d, where: event.kind.startsWith('a')", True),
        ("template: transition_surprise, value: event.kind, window: {session: 1h}", False),
        ("template: age", True),
        ("template: count, entity: shop, window: 1h", True),
        ("template: time_of_day, zone: Europe/Paris, window: 7d", False),
        ("template: count, window: {calendar: year}", True),
    ],
)
def test_new_features_that_history_cannot_give_are_named(definition: str, warms: bool) -> None:
    new = read_features(OLD + f"- {{name: new, {definition}}}", SCHEMA)
    assert features_that_warm(read_features(OLD, SCHEMA), new) == (("new",) if warms else ())
