"""A features.yaml that cannot be is refused with its place, what was expected, what was there and what to do."""

import pathlib

import pytest

from features.definitions.template import EXAMPLE_SCHEMA
from features.schema.schema import read_schema
from features.sets.feature_set import read_features
from foundation.refusal import Refusal

FOLDER = pathlib.Path(__file__).with_name("refusals")
SCHEMA = read_schema(EXAMPLE_SCHEMA)


def refusal_of(text: str) -> str:
    with pytest.raises(Refusal) as caught:
        read_features(text, SCHEMA)
    return str(caught.value)


def test_refusals_read_as_the_golden_file_has_them() -> None:
    files = sorted(FOLDER.glob("*.yaml"))
    shown = [f"== {file.stem}\n{refusal_of(file.read_text())}\n" for file in files]
    assert "\n".join(shown) == (FOLDER / "refusals.golden.txt").read_text()
