import pathlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from beside import make_importable

if TYPE_CHECKING:
    from api_imitation import Api


make_importable(__file__, "api_imitation", "identity_provider", "served", "../features/strange_documents")


@pytest.fixture
async def api(tmp_path: pathlib.Path) -> "AsyncIterator[Api]":
    """An application with release 1 in force, which its registry does not hold: no definition is stored yet."""
    from api_imitation import Api

    made = Api(tmp_path)
    yield made
    await made.close()
