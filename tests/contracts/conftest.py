import os
import signal
from collections.abc import Iterator

import pytest
from beside import make_importable

from deploy.machine.processes import Processes

make_importable(__file__, "s3_storage")

from s3_storage import S3Storage  # noqa: E402 - there once it has been loaded


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Storage]:
    with Processes() as processes:
        storage = S3Storage(tmp_path_factory.mktemp("s3"))
        processes.add(storage.process)
        yield storage


@pytest.fixture
def s3(s3_server: S3Storage, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of a bucket of an S3-compatible storage, which the environment names; a test takes a folder of its own."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server.url


@pytest.fixture
def s3_held_up(s3: str, s3_server: S3Storage) -> Iterator[str]:
    """The same, of a storage that stands still."""
    os.killpg(s3_server.process.pid, signal.SIGSTOP)
    yield s3
    os.killpg(s3_server.process.pid, signal.SIGCONT)
