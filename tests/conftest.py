"""Servers that tests of several folders use: started once a run, on free ports, in a temporary folder, ended by their ids."""

from collections.abc import Iterator

import pytest

from deploy.cassandra import start_cassandra
from deploy.hdfs import Hdfs
from deploy.ports import free_ports
from deploy.processes import Processes
from stores.cassandra import Place


@pytest.fixture(scope="session")
def cassandra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A node without tables; a test takes a keyspace of its own."""
    folder = tmp_path_factory.mktemp("cassandra")
    port, storage_port = free_ports(2)
    with Processes() as processes:
        processes.add(start_cassandra(folder, folder / "logs", port, storage_port))
        yield Place(port=port)


@pytest.fixture(scope="session")
def hdfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hdfs]:
    """An empty HDFS; a test takes a folder of its own."""
    folder = tmp_path_factory.mktemp("hdfs")
    hdfs = Hdfs(folder, folder / "logs", *free_ports(2))
    with Processes() as processes:
        name_node = processes.add(hdfs.launch_name_node())
        processes.add(hdfs.launch_data_node())
        hdfs.wait(name_node)
        yield hdfs
