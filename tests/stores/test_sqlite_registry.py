import pathlib

from stores.registry import StoredDefinition
from stores.sqlite.sqlite import open_for_writing
from stores.sqlite.sqlite_registry import MIGRATIONS, SqliteRegistry


def test_definitions_of_an_older_file_are_listed_after_its_migration(tmp_path: pathlib.Path) -> None:
    file = open_for_writing(tmp_path / "registry.db", MIGRATIONS[:1])
    file.execute("INSERT INTO definition VALUES ('h', 'policy', 'a', 'ann', 1)")
    file.close()
    registry = SqliteRegistry(tmp_path / "registry.db")
    assert registry.definitions("policy", 5) == [StoredDefinition("h", "policy", "ann", 1)]
    registry.close()
