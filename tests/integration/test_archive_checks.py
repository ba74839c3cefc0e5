"""weir doctor on the archive: a real HDFS that answers, one that is not there, and a system that does not run."""

import pytest

from deploy.doctor.archive_checks import archive_problem
from deploy.machine.ports import free_ports
from deploy.servers.hdfs import Hdfs
from foundation.settings import Settings


@pytest.fixture
def running(hdfs: Hdfs) -> Settings:
    """Settings of a system whose API's port is open, as HDFS' own is."""
    return Settings(api_port=hdfs.port, archive_url=f"{hdfs.url}/doctor")


def test_an_archive_that_answers_is_no_problem_though_it_is_empty(running: Settings) -> None:
    assert archive_problem(running) == ""


def test_an_archive_that_does_not_answer_is_named(hdfs: Hdfs) -> None:
    url = f"hdfs://127.0.0.1:{free_ports(1)[0]}/doctor"
    assert f"{url} does not answer" in archive_problem(Settings(api_port=hdfs.port, archive_url=url))


def test_a_url_that_is_none_is_told(hdfs: Hdfs) -> None:
    assert "bad archive" in archive_problem(Settings(api_port=hdfs.port, archive_url="ftp://somewhere"))


def test_a_system_that_does_not_run_has_no_problem() -> None:
    [port] = free_ports(1)
    assert archive_problem(Settings(api_port=port, archive_url="hdfs://127.0.0.1:1/doctor")) == ""
