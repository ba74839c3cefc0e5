"""Conditions read a batch as the engine holds it just as they read columns."""

import numpy as np
import pytest
from written_conditions import condition

from features.expressions.functions.column import Column
from features.expressions.functions.types import Type
from features.expressions.names import IN_LIST, Names, names_of_schema
from features.schema.batch import Batch
from features.schema.schema import read_schema
from patterns.language.pattern import Missing
from patterns.predicates.condition_set import ConditionSet
from patterns.predicates.event_values import EventLayout

SCHEMA = read_schema(
    "{id: {field: id, type: integer}, time: {field: ts}, user: card, entities: [shop], fields: {amount: {type: decimal}, tries: {type:"
    " integer}, online: {type: boolean}, speed: {type: float}, category: {type: string}}}"
)
FEATURES = {"feature.count_1h": Type.DOUBLE, "feature.mean": Type.DOUBLE}
MODELS = {"model.odd": Type.DOUBLE}
LISTED = f"event.shop{IN_LIST}watched"
NAMES = Names(names_of_schema(SCHEMA).types | FEATURES | MODELS | {"entity.card.vip": Type.STRING}, lists=True)
TEXTS = [
    "event.amount > 12.5",
    "event.amount == 12.34",
    "event.amount / feature.mean > 2.0",
    "event.amount > 2.0 * feature.mean",
    "event.amount * 0.5 - feature.mean >= feature.count_1h",
    "-feature.mean + 1.0 <= event.amount / feature.count_1h",
    "double(event.amount) != feature.mean * model.odd",
    "event.speed / 0.0 > 1.0",
    "event.speed * 2.0 - event.speed - event.speed == 0.0",
    "event.tries in [1, 3]",
    "event.tries % 2 == 1",
    "event.online",
    "!event.online || event.speed < 0.1",
    "event.category == 'food'",
    "event.category != ''",
    "event.category.startsWith('f')",
    "event.card == 'c1'",
    "event.shop in ['s1', 's2']",
    "has(event.shop) && event.shop != 's1'",
    "event.shop in list.watched",
    "event.id > 3",
    "event.ts > timestamp('1970-01-01T00:00:02Z')",
    "feature.count_1h >= 3.0 && model.odd > 0.5",
    "has(feature.mean)",
    "entity.card.vip == 'yes'",
]
AMOUNT, TRIES, ONLINE, SPEED = (SCHEMA.columns.index(name) for name in ("amount", "tries", "online", "speed"))


def batch(n: int, seed: int = 1) -> tuple[Batch, list[np.ndarray], dict[str, Column]]:
    random = np.random.default_rng(seed)
    numbers = np.empty((n, len(SCHEMA.columns)))
    numbers[:, AMOUNT] = random.choice([1_234.0, 1_250.0, 1_251.0, 5.0], n)
    numbers[:, TRIES], numbers[:, ONLINE] = random.integers(0, 4, n), random.integers(0, 2, n)
    numbers[:, SPEED] = random.choice([0.1, 0.3, -0.0], n)
    numbers[random.random(numbers.shape) < 0.2] = np.nan
    numbers.flags.writeable = False  # as those of events that were decoded
    shops = [str(shop) for shop in random.choice(["", "s1", "s2", "s3"], n)]
    texts = [None if text == "-" else str(text) for text in random.choice(["-", "", "food", "fuel"], n)]
    ids = np.arange(n)
    held = Batch(
        [str(id) for id in ids], ids, ids, ids * 500, [f"c{id % 3}" for id in ids], {"shop": shops}, numbers, ids, {"category": texts}
    )
    features, models = random.choice([np.nan, 0.0, 1.0, 3.0, 8.0], (n, 2)), random.random((n, 1))
    vip = Column.of_texts([None if id % 3 else "yes" for id in ids])
    return held, [features, models], {"entity.card.vip": vip, LISTED: Column(Type.BOOL, random.random(n) < 0.5)}


@pytest.mark.parametrize("missing", Missing)
@pytest.mark.parametrize("n", [1, 300])
def test_a_batch_answers_as_its_columns_do(missing: Missing, n: int) -> None:
    held, matrices, further = batch(n)
    values = EventLayout(SCHEMA, [FEATURES, MODELS]).of(held, matrices, further)
    conditions = ConditionSet.compile([condition(text, missing, NAMES) for text in TEXTS])
    of_batch, of_columns = conditions.find_many(values, n), conditions.find_many(dict(values), n)
    for one, other in zip(of_batch, of_columns, strict=True):
        np.testing.assert_array_equal(one, other)
    assert n == 1 or set(of_batch.conditions.tolist()) == set(range(len(TEXTS)))


def test_a_column_that_no_condition_is_left_to_ask_for_is_not_made() -> None:
    held, matrices, further = batch(20)
    del further[LISTED]
    values = EventLayout(SCHEMA, [FEATURES, MODELS]).of(held, matrices, further)
    rules = [condition("event.tries == 77 && event.shop in list.watched", Missing.FALSE, NAMES)]
    assert not len(ConditionSet.compile(rules).find_many(values, 20).events)
