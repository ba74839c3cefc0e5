"""The versions of the relational store follow each other."""

import pathlib
import re

from stores.relational import newest_schema

VERSIONS = pathlib.Path(__file__).parents[2] / "stores" / "relational" / "migrations"


def test_each_version_of_the_database_follows_the_one_before_it() -> None:
    """Of two with one number no system would start."""
    paths = sorted(VERSIONS.glob("v*.py"))
    said = [re.findall(r'^(?:down_)?revision(?:: [^=]+)? = (?:"(\d{4})"|None)$', path.read_text(), re.MULTILINE) for path in paths]
    numbers = [f"{number:04d}" for number in range(1, len(paths) + 1)]
    assert [path.name[1:5] for path in paths] == numbers
    assert newest_schema.version() == numbers[-1], "run python -m stores.relational.newest_schema"
    assert said == [[number, before] for number, before in zip(numbers, ["", *numbers], strict=False)]
