"""Real servers for the tests of this folder: started once a run, on free ports, in a temporary folder, ended by their ids."""

import pathlib
from collections.abc import Iterator

import pytest
from beside import make_importable
from killable_hdfs import KillableHdfs

from deploy.machine.processes import Processes
from deploy.servers.flink_files import needed_for

make_importable(
    __file__,
    "flink_servers",
    "score_job_runs",
    "side_job_runs",
    "planted_stages",
    "one_release",
    "changing_run",
    "parity",
    "delivery_runs",
    "archive_runs",
    "full_system",
    "full_profile_system",
    "druid_segments",
    "metric_stream",
    "api_process",
    "api_without_a_store",
    "publishing",
    "weir_up",
    "fed_system",
    "saved_job",
    "process_search",
    "terminal",
    "solo_callers",
    "../features/bad_events",
    "../features/oracle_view",
    "../features/template_streams",
    "../contracts/s3_storage",
    "../api/identity_provider",
)

from flink_servers import FlinkServers  # noqa: E402 - there once it has been loaded
from full_profile_system import FullProfile, full_profile  # noqa: E402


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder needs real servers."""
    here = pathlib.Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session", autouse=True)
def _programs_are_forks(forks: None) -> None:
    """Programs of Weir start within a moment; how they load is shown by `weir up` and the demo, which begin as users begin them."""


@pytest.fixture(scope="session")
def flink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlinkServers]:
    """A Flink cluster with one TaskManager of one slot; `scale` gives more."""
    servers = FlinkServers(tmp_path_factory.mktemp("flink"), needed_for("hdfs:"))
    with servers.processes:
        servers.scale(1)
        yield servers


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullProfile]:
    """The whole system with a server for each store; a store that a test kills is started again by it."""
    with full_profile(tmp_path_factory.mktemp("full")) as made:
        yield made


@pytest.fixture(scope="session")
def killable_hdfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KillableHdfs]:
    """An HDFS for the tests that attack it or take it down; each leaves it running."""
    with Processes() as processes:
        yield KillableHdfs(tmp_path_factory.mktemp("killable-hdfs"), processes)
