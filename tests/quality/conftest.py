"""What tests of this folder share; they are no package, so modules beside them are made importable by their files."""

import pathlib

import pytest
from beside import make_importable

HERE = pathlib.Path(__file__).parent

make_importable(
    __file__,
    "../integration/score_job_runs",
    "../integration/full_system",
    "../integration/druid_segments",
    "decision_columns",
    "reading_back",
    "card_records",
    "card_system",
    "card_truth",
    "review_of_cards",
    "full_card_system",
    "nab_corpus",
    "nab_score",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder takes minutes and needs the data."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.quality)
