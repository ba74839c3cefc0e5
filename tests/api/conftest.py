import importlib.util
import pathlib
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from api_imitation import Api


def _load(name: str) -> None:
    """Makes a module beside the tests importable; the tests themselves are no package."""
    spec = importlib.util.spec_from_file_location(pathlib.Path(name).name, pathlib.Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)


for name in ("api_imitation", "identity_provider", "served", "../features/strange_documents"):
    _load(name)


@pytest.fixture
async def api(tmp_path: pathlib.Path) -> "AsyncIterator[Api]":
    """An application with release 1 in force, which its registry does not hold: no definition is stored yet."""
    from api_imitation import Api

    made = Api(tmp_path)
    yield made
    await made.client.aclose()
    made.decisions.close()
    made.database.close()
    made.metrics.close()
