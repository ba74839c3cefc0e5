"""Real servers for the tests of this folder: started once a run, on free ports, in a temporary folder, ended by their ids."""

import pathlib
from collections.abc import Iterator

import pytest
from beside import make_importable

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder needs real servers."""
    here = pathlib.Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def flink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlinkServers]:
    """A Flink cluster with one TaskManager of one slot; `scale` gives more."""
    servers = FlinkServers(tmp_path_factory.mktemp("flink"), needed_for("hdfs:"))
    with servers.processes:
        servers.scale(1)
        yield servers
