"""What the learn job takes off the topic: all but the newest snapshot of each definition, and all but the newest definitions."""

import numpy as np

from detectors.snapshot import Snapshot
from detectors.snapshot_parts import parts_of
from pipeline.learning.published_snapshots import PublishedSnapshots
from pipeline.learning.trainer import REPLACED_KEPT


class ModelsTopic:
    """The topic after compaction, as the learn job writes it."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.published = PublishedSnapshots()

    def send(self, key: str, value: bytes | None) -> None:
        self.values.pop(key, None)
        if value is not None:
            self.values[key] = value
        self.published.note(key, value is not None)

    def publish(self, sequence: int, definition: str = "a", size: int = 10, killed_after: int = 1_000) -> None:
        """Publishes in parts of 100 bytes; a process that is killed in between sends no more."""
        records = parts_of(Snapshot("fraud", definition, sequence, 5, {"weights": np.full(size, float(sequence))}), 100)
        for key, value in records[:killed_after]:
            self.send(key, value)
        if killed_after >= len(records):
            for key in self.published.surplus([f"fraud/{definition}"], {key for key, _ in records}):
                self.send(key, None)

    def restarted(self) -> None:
        self.published = PublishedSnapshots()
        for key in self.values:
            self.published.note(key, True)

    def snapshots(self) -> set[str]:
        return {key.rpartition("/")[0] for key in self.values}


def test_the_snapshot_before_goes_with_all_of_its_parts() -> None:
    topic = ModelsTopic()
    topic.publish(1, size=100)
    assert len(topic.values) > 5
    topic.publish(2)
    assert topic.snapshots() == {"fraud/a/2"}


def test_what_a_killed_process_left_of_a_longer_snapshot_goes_after_its_restart() -> None:
    topic = ModelsTopic()
    topic.publish(1)
    topic.publish(2, size=100, killed_after=4)
    topic.restarted()
    topic.publish(2, size=10)
    assert set(topic.values) == {key for key, _ in parts_of(Snapshot("fraud", "a", 2, 5, {"weights": np.full(10, 2.0)}), 100)}


def test_replaced_definitions_keep_their_newest_snapshot_and_only_so_many_do() -> None:
    topic = ModelsTopic()
    for number in range(1, 10):
        topic.publish(2 * number, f"d{number}")
        topic.publish(2 * number + 1, f"d{number}")
        topic.restarted()
    kept = range(9 - REPLACED_KEPT, 10)
    assert topic.snapshots() == {f"fraud/d{number}/{2 * number + 1}" for number in kept}


def test_records_of_older_versions_go_once_their_definition_is_published_in_parts() -> None:
    topic = ModelsTopic()
    for key in ("fraud", "fraud/a", "fraud/b", "shape", "shape/a", "shape/a/3/1"):
        topic.send(key, b"")
    topic.publish(1)
    assert {key for key in topic.values if not key.startswith("fraud/a/1/")} == {"fraud/b", "shape", "shape/a", "shape/a/3/1"}
