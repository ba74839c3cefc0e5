"""Decisions as columns, so that a million of them can be held and compared. For tests only."""

import pathlib
import sys
from collections.abc import Mapping

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet

from pipeline.engine.definitions.release import Release

NUMBERS = ("event_time", "revision", "release", "score")
TEXTS = ("event_id", "user", "action", "flags")


class DecisionColumns:
    """Numbers as one matrix, NaN where missing, and texts, a row a decision.

    Args:
        release: gives the features, models and entities.
        count: of decisions.
    """

    def __init__(self, release: Release, count: int) -> None:
        self._features = list(release.features.names)
        self._models = [model.name for model in release.models]
        self._entities = list(release.schema.entities)
        scores, snapshots = [f"model.{name}" for name in self._models], [f"snapshot.{name}" for name in self._models]
        self.names = [*NUMBERS, *[f"feature.{name}" for name in self._features], *scores, *snapshots]
        self.numbers = np.full((count, len(self.names)), -1.0)
        self.texts = {name: np.full(count, "none", object) for name in (*TEXTS, *[f"entity.{kind}" for kind in self._entities])}

    def put(self, row: int, value: bytes) -> None:
        """Takes in a decision as the api gives it; one that lacks a feature, model or entity, or has one too many, is an error."""
        decision = msgspec.json.decode(value)
        features, models, entities = decision["features"], decision["models"], decision["entities"]
        assert [*features] == self._features and [*models] == self._models and [*entities] == self._entities, value
        scores, snapshots = [model["score"] for model in models.values()], [model["snapshot"] for model in models.values()]
        numbers = [*[decision[name] for name in NUMBERS], *features.values(), *scores, *snapshots]
        self.numbers[row] = np.array(numbers, np.float64)  # null becomes NaN
        decision["flags"] = " ".join(decision["flags"])
        for name in TEXTS:
            self.texts[name][row] = sys.intern(decision[name])
        for kind, id in entities.items():
            self.texts[f"entity.{kind}"][row] = sys.intern(id)

    def column(self, name: str) -> np.ndarray:
        """One column of numbers."""
        return self.numbers[:, self.names.index(name)]


def columns_of_replay(
    path: pathlib.Path, release: Release, entities: Mapping[str, list[str]], sequences: Mapping[str, int]
) -> DecisionColumns:
    """What decisions should say by a ``decisions.parquet``, and by the snapshots that the replay scored with.

    Args:
        entities: ids by kind, in the order of the rows.
        sequences: number of each global model's snapshot.
    """
    table = pyarrow.parquet.read_table(path)
    columns = DecisionColumns(release, len(table))
    given = {"event_time": table["event_time"].cast(pa.int64()), "release": table["release"], "score": table["score"]}
    given |= {f"model.{model.name}": table[f"model.{model.name}"] for model in release.models}
    for name in release.features.names:
        given[f"feature.{name}"] = pa.compute.struct_field(table["features"], name)
    for name, values in given.items():
        columns.column(name)[:] = values.to_numpy()
    columns.column("revision")[:] = 0
    for model in release.models:
        columns.column(f"snapshot.{model.name}")[:] = sequences.get(model.name, np.nan)
    for name in ("event_id", "user", "action"):
        columns.texts[name][:] = table[name].to_pylist()
    columns.texts["flags"][:] = np.where(np.isnan(columns.column("score")), "warming", "")
    for kind, ids in entities.items():
        columns.texts[f"entity.{kind}"][:] = ids
    return columns


def differences(one: DecisionColumns, other: DecisionColumns) -> dict[str, list[int]]:
    """Rows that differ, by column: bit for bit, but that missing equals missing."""
    assert one.names == other.names and one.numbers.shape == other.numbers.shape
    found = {}
    for name in one.names:
        left, right = np.ascontiguousarray(one.column(name)), np.ascontiguousarray(other.column(name))
        differ = (left.view(np.int64) != right.view(np.int64)) & ~(np.isnan(left) & np.isnan(right))
        found[name] = np.flatnonzero(differ).tolist()
    for name, texts in one.texts.items():
        found[name] = np.flatnonzero(texts != other.texts[name]).tolist()
    return {name: rows for name, rows in found.items() if rows}
