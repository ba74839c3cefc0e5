"""What tests of this folder share; they are no package, so modules beside them are made importable by their files."""

import importlib.util
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).parent
BESIDE = ("../integration/score_job_runs", "../integration/full_system", "../integration/druid_segments")

for place in (*BESIDE, "decision_columns", "reading_back", "card_records", "card_system", "card_truth", "full_card_system"):
    name = pathlib.Path(place).name
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, HERE / f"{place}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder takes minutes and needs the data."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.quality)
