"""The card payments and what replay says of them. For tests only."""

import os
import pathlib
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet
from decision_columns import DecisionColumns, columns_of_replay

from detectors.snapshot import Snapshot
from pipeline.engine.definitions.release import Release, compile_release
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import History, read_history
from pipeline.trial.configuration_folder import read_texts

ROOT = pathlib.Path(__file__).parents[2]
DATA = pathlib.Path(os.environ.get("WEIR_DATA", ROOT / "../shared/data")) / "fdh-raw-apr-jul.parquet"
TEXTS = read_texts(ROOT / "deploy/samples/cards")
EVENTS_MAX = int(os.environ.get("CARD_EVENTS_MAX", 1 << 31))
"""A smaller part of the file for a look in between."""
LABEL_DELAY_MS = 7 * 86_400_000


@dataclass
class Truth:
    """The payments, and what replay says of them by snapshots that stay as they are."""

    release: Release
    history: History
    snapshots: tuple[Snapshot, ...]

    def decisions(self, history: History, folder: pathlib.Path) -> DecisionColumns:
        """Replay's decisions on `history`."""
        Replay(self.release, history, self.history.labels, frozen=self.snapshots).run(folder)
        sequences = {snapshot.model: snapshot.sequence for snapshot in self.snapshots}
        return columns_of_replay(folder / "decisions.parquet", self.release, history.batch.entities, sequences)


def learned_truth(payments: pa.Table, folder: pathlib.Path) -> Truth:
    """Of `payments` and their labels; the snapshots are those that were learned from all of them."""
    release = compile_release(1, TEXTS)
    pyarrow.parquet.write_table(payments, folder / "events.parquet")
    history = read_history([folder / "events.parquet"], release.schema, "time", "TX_FRAUD", LABEL_DELAY_MS)
    learned = Replay(release, history, history.labels)
    learned.run(None)
    return Truth(release, history, tuple(learned.published.values()))
