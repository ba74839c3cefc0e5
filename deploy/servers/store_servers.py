"""The servers of the stores that run beside a system on this machine: Cassandra, PostgreSQL, Druid and HDFS."""

import functools
import pathlib
from collections.abc import Callable
from typing import Protocol

from deploy.machine.certificate import make_certificate
from deploy.machine.ports import free_ports
from deploy.machine.private_files import secret_in
from deploy.machine.processes import Process
from deploy.servers.cassandra import launch_cassandra, start_cassandra, wait_for_cassandra
from deploy.servers.druid import launch_druid, start_druid, wait_for_druid
from deploy.servers.druid_supervisor import LOGIN, apply_supervisor
from deploy.servers.hdfs import Hdfs
from deploy.servers.postgresql import launch_postgresql, start_postgresql, wait_for_postgresql
from foundation.settings import Settings
from pipeline.control.kafka_access import java_connection_of
from pipeline.sinks.archive_access import HDFS_USER_FILE
from pipeline.sinks.decision_store import open_decisions

Own = Callable[[str, Process, Callable[[], Process]], Process]
"""Registers a process by its name, with the function that starts it again."""


class StoreServer(Protocol):
    """One store. `early` says whether other processes need it when they start."""

    early: bool

    def launch(self) -> None:
        """Starts the store and does not wait for it."""

    def wait(self) -> str:
        """Returns once the store can be used; gives a few words that say so.

        Raises:
            Refusal: the store does not come up.
        """


class CassandraServer:
    """One Cassandra node, in which the tables of decisions are made."""

    early = True

    def __init__(self, settings: Settings, logs: pathlib.Path, own: Own) -> None:
        self._settings = settings
        [storage_port] = free_ports(1)
        self._arguments = (settings.path("cassandra"), logs, settings.cassandra_port, storage_port, True)
        self._own = own

    def launch(self) -> None:
        self._process = self._own("cassandra", launch_cassandra(*self._arguments), functools.partial(start_cassandra, *self._arguments))

    def wait(self) -> str:
        wait_for_cassandra(self._process, self._settings.cassandra_port, make_certificate(self._settings.path("cassandra", "keys")))
        open_decisions(self._settings).close()
        return "cassandra is up"


class PostgresqlServer:
    """The relational store; its tables are made by the first that opens it."""

    early = True

    def __init__(self, settings: Settings, logs: pathlib.Path, own: Own) -> None:
        self._folder = settings.path()
        self._place = (settings.path(), logs, settings.database_port)
        self._own = own

    def launch(self) -> None:
        self._process = self._own("postgresql", launch_postgresql(*self._place), functools.partial(start_postgresql, *self._place))

    def wait(self) -> str:
        wait_for_postgresql(self._process, self._folder)
        return "postgresql is up"


class DruidServer:
    """All of Druid in one process, with a supervisor for the topic of event metrics, which has to exist."""

    early = False

    def __init__(self, settings: Settings, logs: pathlib.Path, own: Own) -> None:
        self._settings = settings
        self._arguments = (
            settings.path("druid"),
            logs,
            settings.druid_port,
            settings.druid_coordinator_port,
            java_connection_of(settings).get(LOGIN, ""),
        )
        self._own = own

    def launch(self) -> None:
        self._process = self._own("druid", launch_druid(*self._arguments), functools.partial(start_druid, *self._arguments))

    def wait(self) -> str:
        wait_for_druid(self._process, self._arguments[0], self._settings.druid_port, self._settings.druid_coordinator_port)
        return f"druid is up, and its supervisor was {apply_supervisor(self._settings)}"


class HdfsServer:
    """An HDFS with a NameNode and a DataNode, whose clients need a secret user name."""

    early = False

    def __init__(self, settings: Settings, logs: pathlib.Path, own: Own) -> None:
        user = secret_in(settings.path(*HDFS_USER_FILE))
        self._hdfs = Hdfs(settings.path("hdfs"), logs, settings.hdfs_port, settings.hdfs_web_port, user)
        self._own = own

    def launch(self) -> None:
        self._name_node = self._own("name-node", self._hdfs.launch_name_node(), self._hdfs.launch_name_node)
        self._own("data-node", self._hdfs.launch_data_node(), self._hdfs.launch_data_node)

    def wait(self) -> str:
        self._hdfs.wait(self._name_node)
        return "hdfs is up"


SERVERS: dict[str, Callable[[Settings, pathlib.Path, Own], StoreServer]] = {
    "cassandra": CassandraServer,
    "postgresql": PostgresqlServer,
    "druid": DruidServer,
    "hdfs": HdfsServer,
}
