"""A folder as a system leaves it: a registry with a release, and an archive with events and labels. For tests only."""

import pathlib
import random

import msgspec
from backtest_streams import START_MS, TEXTS, release_texts, standing_of

from foundation.settings import Settings
from stores.archive.archive import open_archive
from stores.archive.archive_encoding import day_of, encode_records, folder_of
from stores.archive.archive_rows import ArchivedRecord, Kind
from stores.relational.database import Database
from stores.relational.definitions import RelationalRegistry
from stores.relational.place import place_of

RULE = "title: A rule\nwhy: A test.\nowner: tests\nseverity: low\nwhen: event.amount > {bound}\nthen: {{action: {action}}}\n"


def rule(bound: float, action: str = "block") -> str:
    return RULE.format(bound=bound, action=action)


class StoredSystem:
    """Holds the folder, its settings, and the events that were archived.

    Args:
        folder: an empty one.
        count: the number of events, a minute apart; each third one has a label.
    """

    def __init__(self, folder: pathlib.Path, count: int = 600) -> None:
        self.settings = Settings(folder=str(folder), archive_url=(folder / "archive").as_uri(), job_disk_mib_max=200)
        draw = random.Random(7)
        self.events = [
            {"id": number, "at": START_MS + 60_000 * number, "who": f"u{draw.randrange(20)}", "amount": float(draw.randrange(100))}
            for number in range(count)
        ]
        self.put("events", [(event["at"], msgspec.json.encode(event)) for event in self.events])
        self.labels = {event["id"]: int(event["amount"] > 90) for event in self.events[::3]}
        given = [{"event_id": str(id), "label": label, "label_time": START_MS + 60_000 * id + 1} for id, label in self.labels.items()]
        self.put("labels", [(each["label_time"], msgspec.json.encode(each)) for each in given])
        in_force = rule(50, "review")
        self.release = self.publish({**release_texts({"in_force": (in_force, standing_of(in_force, "active"))}), "list:watched": ""})

    def publish(self, texts: dict[str, str]) -> int:
        """Puts a release into the registry, published."""
        with_registry = Database(place_of(self.settings))
        try:
            registry = RelationalRegistry(with_registry)
            id = registry.release(registry.put_many(texts, "tests", START_MS), "tests", START_MS)
            registry.published(id)
        finally:
            with_registry.close()
        return id

    def keep(self, id: str, text: str) -> str:
        """Stores a rule's text without putting it in force, and returns its hash."""
        database = Database(place_of(self.settings))
        try:
            return RelationalRegistry(database).put(f"pattern:{id}", text, "tests", START_MS)
        finally:
            database.close()

    def put(self, kind: Kind, rows: list[tuple[int, bytes]], a_file: int = 250, keys: list[bytes] | None = None) -> None:
        archive = open_archive(self.settings.archive_place())
        records = [ArchivedRecord(0, at, at_ms, keys[at] if keys else b"k", value) for at, (at_ms, value) in enumerate(rows)]
        for first in range(0, len(records), a_file):
            part = records[first : first + a_file]
            for day in sorted({day_of(row.at_ms) for row in part}):
                folder = f"{archive.root}/{folder_of(kind, day)}"
                archive.files.create_dir(folder, recursive=True)
                with archive.files.open_output_stream(f"{folder}/part-{first}.parquet") as out:
                    out.write(encode_records([row for row in part if day_of(row.at_ms) == day]))

    def files_of(self, kind: Kind) -> list[pathlib.Path]:
        return sorted(pathlib.Path(self.settings.archive_place().removeprefix("file://")).rglob(f"*{kind}*/**/*.parquet"))


__all__ = ["TEXTS", "StoredSystem", "rule"]
