"""Rules of four predicates over twenty attributes, and events of which each rule matches a given share."""

from typing import NamedTuple

import numpy as np

from features.expressions.functions.types import Type
from features.expressions.names import names_of_schema
from features.expressions.syntax.parser import read_expression
from features.schema.batch import Batch
from features.schema.schema import read_schema
from foundation.place import Place, Source
from patterns.language.pattern import Condition
from patterns.predicates.event_values import EventLayout, EventValues

PREDICATES = 4
DECIMALS, FLOATS, FEATURES, MODELS = 2, 4, 9, 2
SCHEMA = read_schema(
    "{id: {field: id, type: integer}, time: {field: ts}, user: card, fields: {"
    + ", ".join(f"d{at}: {{type: decimal}}" for at in range(DECIMALS))
    + ", "
    + ", ".join(f"f{at}: {{type: float}}" for at in range(FLOATS))
    + ", category: {type: string}, country: {type: string}, channel: {type: string}}}"
)
TEXTS = {"category": 30, "country": 60, "channel": 6}
OF_FEATURES = {f"feature.f{at}": Type.DOUBLE for at in range(FEATURES)}
OF_MODELS = {f"model.m{at}": Type.DOUBLE for at in range(MODELS)}
LAYOUT = EventLayout(SCHEMA, [OF_FEATURES, OF_MODELS])
TYPES = names_of_schema(SCHEMA).types | OF_FEATURES | OF_MODELS
NUMBERS = [
    *(f"event.d{at}" for at in range(DECIMALS)),
    *(f"event.f{at}" for at in range(FLOATS)),
    *OF_FEATURES,
    *OF_MODELS,
]


class Predicate(NamedTuple):
    """Says that ``name operator constant`` must hold; the operator `in` has several constants."""

    name: str
    operator: str
    constants: tuple[float | str, ...]

    @property
    def text(self) -> str:
        shown = [f"'{each}'" if isinstance(each, str) else repr(each) for each in self.constants]
        return f"{self.name} in [{', '.join(shown)}]" if self.operator == "in" else f"{self.name} {self.operator} {shown[0]}"


class Events(NamedTuple):
    """Holds a batch with features and scores of models, and the same as rows for others."""

    batch: Batch
    features: np.ndarray
    models: np.ndarray

    def part(self, start: int, stop: int) -> "Events":
        return Events(self.batch.take(np.arange(start, stop)), self.features[start:stop], self.models[start:stop])

    @property
    def values(self) -> EventValues:
        return LAYOUT.of(self.batch, (self.features, self.models))

    def rows(self) -> list[dict[str, float | str | None]]:
        """By name, decimals in major units; None where missing."""
        numbers = self.batch.numbers / np.where(np.arange(DECIMALS + FLOATS) < DECIMALS, 100.0, 1.0)
        whole = np.column_stack([numbers, self.features, self.models])
        texts = {f"event.{name}": values for name, values in self.batch.texts.items()}
        rows = [
            dict(zip(NUMBERS, row, strict=True)) | {name: values[at] for name, values in texts.items()}
            for at, row in enumerate(whole.tolist())
        ]
        return [{name: None if value != value else value for name, value in row.items()} for row in rows]


def events(n: int, seed: int = 1, missing: float = 0.01) -> Events:
    """Random ones.

    Args:
        missing: the share of numbers that are missing.
    """
    random = np.random.default_rng(seed)
    numbers = np.column_stack([np.floor(random.lognormal(8.0, 1.0, (n, DECIMALS))), random.normal(0.0, 1.0, (n, FLOATS))])
    features, models = random.lognormal(1.0, 1.0, (n, FEATURES)), random.random((n, MODELS))
    for matrix in (numbers, features, models):
        matrix[random.random(matrix.shape) < missing] = np.nan
    ids = np.arange(n)
    texts = {name: [f"{name}{at}" for at in random.integers(0, count, n).tolist()] for name, count in TEXTS.items()}
    batch = Batch([str(at) for at in range(n)], ids, ids, ids * 1_000, [f"c{at}" for at in range(n)], {}, numbers, ids, texts)
    return Events(batch, features, models)


def rules(count: int, matching: float, seed: int = 2) -> list[tuple[Predicate, ...]]:
    """Rules of which each event matches about `matching`."""
    random = np.random.default_rng(seed)
    share = (matching / count) ** (1 / PREDICATES)
    sample = events(20_000, seed=3)
    columns = {name: np.sort(values[~np.isnan(values)]) for name, values in _columns(sample).items()}
    names = [*NUMBERS, *(f"event.{name}" for name in TEXTS)]
    return [
        tuple(_predicate(names[at], share, columns, random) for at in random.permutation(len(names))[:PREDICATES].tolist())
        for _ in range(count)
    ]


def _columns(sample: Events) -> dict[str, np.ndarray]:
    rows = sample.rows()
    return {name: np.array([np.nan if row[name] is None else row[name] for row in rows], float) for name in NUMBERS}


def _predicate(name: str, share: float, columns: dict[str, np.ndarray], random: np.random.Generator) -> Predicate:
    own = min(0.95, share * random.uniform(0.7, 1.3))
    if name in columns:
        above = random.random() < 0.7
        bound = float(f"{np.quantile(columns[name], 1 - own if above else own):.4g}")
        return Predicate(name, ">" if above else "<", (bound,))
    field = name.removeprefix("event.")
    many = max(1, round(own * TEXTS[field]))
    chosen = tuple(f"{field}{at}" for at in sorted(random.permutation(TEXTS[field])[:many].tolist()))
    return Predicate(name, "==" if many == 1 else "in", chosen)


def conditions(of: list[tuple[Predicate, ...]]) -> list[Condition]:
    """The rules as checked conditions."""
    return [_condition(" && ".join(predicate.text for predicate in rule), rule) for rule in of]


def _condition(text: str, rule: tuple[Predicate, ...]) -> Condition:
    names = {predicate.name: TYPES[predicate.name] for predicate in rule}
    return Condition(text, read_expression(Source(text, Place())), Type.BOOL, names, frozenset(), Place())
