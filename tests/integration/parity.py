"""The same events by the score job and by replay: what goes in, and where the decisions differ. For tests only."""

import math
import pathlib
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow.parquet
from score_job_runs import Json, prepared, produce

from detectors.snapshot import Snapshot
from features.definitions.entity_parser import KEY_JOINT, parts_of
from features.schema.batch import Batch
from features.schema.decode import Decoder
from pipeline.engine.definitions.release import compile_release
from pipeline.engine.event_keys import Labels
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import History

Labelled = list[tuple[Json, int]]
"""Events that are positive, and when that is known."""


class Replayed(NamedTuple):
    """Decisions of replay, and what they were made with besides the events."""

    decisions: list[Json]
    positives: Labelled
    snapshots: list[tuple[str, bytes]]


NOTHING = Replayed([], [], [])


class Parity:
    """One configuration.

    Args:
        texts: by part.
        lesson: events that the frozen snapshots are learned from.
    """

    def __init__(self, texts: dict[str, str], lesson: list[Json]) -> None:
        self.release = compile_release(1, texts)
        self._texts = texts
        self._lesson = lesson
        schema = self.release.schema
        self.user, self.id, self.time = schema.user, schema.id_field, schema.time_field

    def history_of(self, events: list[Json]) -> History:
        decoder = Decoder(self.release.schema)
        return History(Batch.of([decoder.decode(msgspec.json.encode(event), 1 << 50) for event in events], self.release.schema))

    def replayed(self, events: list[Json], positives: Labelled, folder: pathlib.Path) -> Replayed:
        """What replay says with frozen snapshots."""
        snapshots = self._learned()
        known = sorted(positives, key=lambda pair: pair[1])
        ids = np.array([event[self.id] for event, _ in known], np.int64)
        labels = Labels(ids, np.ones(len(known), np.int8), np.array([at for _, at in known], np.int64))
        Replay(self.release, self.history_of(events), labels, frozen=snapshots).run(folder)
        rows = pyarrow.parquet.read_table(folder / "decisions.parquet").to_pylist()
        return Replayed(rows, positives, [(snapshot.model, snapshot.encode()) for snapshot in snapshots])

    def learned(self) -> list[tuple[str, bytes]]:
        """Keys and values of the snapshots that are learned from the lesson."""
        return [(snapshot.model, snapshot.encode()) for snapshot in self._learned()]

    def _learned(self) -> tuple[Snapshot, ...]:
        learned = Replay(self.release, self.history_of(self._lesson), None)
        learned.run(None)
        return tuple(learned.published.values())

    def fed(self, broker: str, flink, folder: pathlib.Path, prefix: str, parallelism: int, events: list[Json], replayed: Replayed):
        """Settings of a system whose topics hold `events`, their labels, and the snapshots that replay scored with."""
        settings = prepared(broker, flink, folder, prefix, self._texts, parallelism=parallelism)
        produce(settings, "models", replayed.snapshots)
        produce(settings, "labels-resolved", self.label_records(replayed.positives))
        produce(settings, "events", [(str(event[self.user]), msgspec.json.encode(event)) for event in events])
        return settings

    def label_records(self, positives: Labelled) -> list[tuple[str, bytes]]:
        records = []
        for event, known_at in positives:
            label = {"event_id": str(event[self.id]), "id_key": event[self.id], "event_time": event[self.time]}
            value = msgspec.json.encode({**label, "label": 1, "label_time": known_at, "user": event[self.user]})
            for kind in (self.user, *self.release.entity_kinds()):
                ids = [event[part] for part in parts_of(kind)]
                records += [(f"{kind}\0{KEY_JOINT.join(map(str, ids))}", value)] if all(ids) else []
        return records

    def differences(self, streamed: dict[str, Json], expected: list[Json]) -> list[str]:
        """Where decisions differ from replay's: bit for bit, but that missing equals missing."""
        models = [model.name for model in self.release.models]
        found = []
        for row in expected:
            decision = streamed[row["event_id"]]
            pairs = {name: (decision["features"][name], value) for name, value in row["features"].items()}
            pairs |= {f"model.{name}": (decision["models"][name]["score"], row[f"model.{name}"]) for name in models}
            pairs |= {name: (decision[name], row[name]) for name in ("score", "action", "decided_by", "match_count", "user", "release")}
            found += [f"{row['event_id']} {name}: {one} and {other}" for name, (one, other) in pairs.items() if not same(one, other)]
        return found


def same(one: object, other: object) -> bool:
    missing = [value is None or (isinstance(value, float) and math.isnan(value)) for value in (one, other)]
    return all(missing) or (not any(missing) and one == other)


def by_id(read: list[Json]) -> dict[str, Json]:
    """The first decision on each event; a repeated one must be identical but for when it was made."""
    first: dict[str, Json] = {}
    for decision in read:
        stripped = {name: value for name, value in decision.items() if name not in ("processed_at", "latency_ms")}
        assert first.setdefault(str(decision["event_id"]), stripped) == stripped
    return first
