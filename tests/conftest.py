"""Servers that tests of several folders use: started once a run, on free ports, in a temporary folder, ended by their ids."""

import functools
import gc
import itertools
import pathlib
from collections.abc import Iterator

import httpx
import msgspec
import psycopg
import pytest
from cost_of_tests import CostOfTests
from example_counts import DEPTH, examples
from forked_programs import ForkServer, SharedForks
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from servers_of_a_test import UNHURRIED_MS, mark

from deploy.command import SAMPLES
from deploy.local.releases import read_folder
from deploy.local.stack import Stack, free_settings
from deploy.machine.ports import free_ports
from deploy.machine.processes import Process, Processes
from deploy.servers.broker import start_broker
from deploy.servers.cassandra import start_cassandra
from deploy.servers.druid import start_druid
from deploy.servers.hdfs import Hdfs
from deploy.servers.postgresql import URL_FILE, start_postgresql
from foundation.settings import CERTIFICATE_FILE, Settings
from pipeline.flink.garbage import settle_garbage
from pipeline.sinks.druid_access import druid_access
from stores.cassandra.cassandra_opening import Place
from stores.relational.database import Database
from stores.relational.place import PostgresqlPlace

# An ordinary run tries the same examples each time, so that a failure is the change's own; a deep run looks for new ones. How
# long examples take to make says how busy the machine is, and nothing of the tests.
UNHURRIED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "max_examples": examples(100)}
for depth in ("ordinary", "long"):
    hypothesis_settings.register_profile(depth, derandomize=True, **UNHURRIED)
hypothesis_settings.register_profile("deep", print_blob=True, **UNHURRIED)
hypothesis_settings.load_profile(DEPTH)


def pytest_configure(config: pytest.Config) -> None:
    """Keeps the marker ``slow`` true."""
    config.pluginmanager.register(CostOfTests())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks each test with the servers that it needs; those of Druid come last, one after the other.

    Idle, Druid takes a tenth of a core, and a start of it as much as five minutes of that.
    """
    for item in items:
        mark(item)
    items.sort(key=lambda item: "druid" in item.keywords and "full_profile" not in item.keywords)


_freeze = gc.freeze


def pytest_collection_finish() -> None:
    """Takes what was imported and collected out of the collector's sight, which looks less often at the rest.

    It is there until the end, half a million objects. The collector looked at them all again and again, for a third of the time of the
    API's tests. From then on no code under test freezes anything: it would keep the test's own objects, a thousand applications of the API.
    """
    settle_garbage()
    gc.freeze = lambda: None


@pytest.fixture(scope="module", autouse=True)
def _garbage_of_the_module_goes() -> Iterator[None]:
    """Lets go what a module's tests have left in circles; what is left is there until the end."""
    yield
    gc.collect()
    _freeze()


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of a Kafka broker without topics; a test takes a topic prefix of its own."""
    folder = tmp_path_factory.mktemp("broker")
    port, controller_port = free_ports(2)
    with Processes() as processes:
        processes.add(start_broker(folder, folder / "logs", port, controller_port))
        yield f"127.0.0.1:{port}"


@pytest.fixture(scope="session")
def cassandra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A node without tables; a test takes a keyspace of its own."""
    folder = tmp_path_factory.mktemp("cassandra")
    port, storage_port = free_ports(2)
    with Processes() as processes:
        processes.add(start_cassandra(folder, folder / "logs", port, storage_port))
        yield Place(port=port)


class PostgresqlServer:
    """A server on which each test takes a database of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._numbers = itertools.count()

    def bare_place(self) -> PostgresqlPlace:
        """A new database without tables."""
        return self._made("template1")

    def place(self) -> PostgresqlPlace:
        """A new database with tables, and nothing in them."""
        return self._made(self._migrated)

    @functools.cached_property
    def _migrated(self) -> str:
        """The name of a database that others are copied from: to make the tables takes longer than most tests."""
        place = self._made("template1")
        Database(place).close()
        return place.url.rpartition("/")[2].partition("?")[0]

    def _made(self, like: str) -> PostgresqlPlace:
        name = f"test_{next(self._numbers)}"
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
        return PostgresqlPlace(self._url.replace("/weir?", f"/{name}?"))


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresqlServer]:
    """A server of this run."""
    folder = tmp_path_factory.mktemp("postgresql")
    [port] = free_ports(1)
    with Processes() as processes:
        processes.add(start_postgresql(folder, folder / "logs", port))
        yield PostgresqlServer(folder.joinpath(*URL_FILE).read_text().strip())


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


class DruidServers:
    """Druid beside a broker; tests may kill it and start it again.

    Args:
        folder: for its data and logs.
        bootstrap: the broker.
        processes: what stops it in the end.
    """

    def __init__(self, folder: pathlib.Path, bootstrap: str, processes: Processes) -> None:
        self._port, self._coordinator_port = free_ports(2)
        self._folder = folder
        self.folder = folder / "druid"
        self._processes = processes
        self.bootstrap = bootstrap
        self.process = self.start()

    def settings(self, topic_prefix: str, **values: object) -> Settings:
        """Those of a system whose topics begin so."""
        given = {"bootstrap": self.bootstrap, "topic_prefix": topic_prefix, "folder": str(self._folder / topic_prefix)}
        given |= {"metrics_store": "druid", "druid_port": self._port, "druid_coordinator_port": self._coordinator_port}
        keys = str(self.folder / "keys" / CERTIFICATE_FILE)
        given |= {"druid_ca_file": keys, "druid_certificate_file": keys}
        return msgspec.convert(given | values, Settings)

    def start(self) -> Process:
        """Druid, on its data from before and the same two ports."""
        place = (self.folder, self._folder / "logs", self._port, self._coordinator_port)
        self.process = self._processes.add(start_druid(*place))
        return self.process

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self._processes.forget(self.process)

    def stop_reading(self, settings: Settings) -> None:
        """Ends the supervisor of `settings`; its tasks publish what they have read, and end behind it."""
        access = druid_access(settings)
        url = f"{access.coordinator}/druid/indexer/v1/supervisor/{settings.topic('metrics')}/terminate"
        httpx.post(url, verify=access.tls or True, headers=access.headers, timeout=60, trust_env=False).raise_for_status()


@pytest.fixture(scope="session")
def druid(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DruidServers]:
    """Druid beside the broker of the run; a test takes topics of its own, and stops their supervisor."""
    with Processes() as processes:
        yield DruidServers(tmp_path_factory.mktemp("druid"), broker, processes)


@pytest.fixture(scope="session")
def forks() -> Iterator[None]:
    """From the first test that asks for it to the end of the run, programs of Weir are forks of a process that has loaded them."""
    server = ForkServer()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("deploy.machine.processes.launch", server.launch)
        patch.setattr("deploy.local.solo_stack.ForkedPrograms", lambda *parts: SharedForks(server))
        yield
    server.close()


@pytest.fixture(scope="session")
def stack(forks: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole embedded system on free ports, with the sample `payments` in force and one TaskManager."""
    settings = free_settings(tmp_path_factory.mktemp("stack"), checkpoint_interval_ms=2_000, entity_wait_ms=UNHURRIED_MS)
    with Stack(settings, read_folder(SAMPLES / "payments"), print, delivers=False) as stack:
        yield stack
