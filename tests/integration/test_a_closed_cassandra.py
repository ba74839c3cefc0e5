"""A node of the local stack answers only who shows its certificate, and keeps what it held before it asked."""

import asyncio
import os
import pathlib

import pytest
from another_user import as_another_user, log_in_to_cassandra

from deploy.machine.ports import free_ports
from deploy.machine.processes import Processes
from deploy.servers.cassandra import start_cassandra
from foundation.settings import Settings
from pipeline.sinks.decision_store import cassandra_place, open_decisions
from stores.cassandra.cassandra_quick import QuickQuery

VERSIONS = "SELECT id, version FROM schema_version"


async def versions(settings: Settings) -> list[tuple[object, ...]]:
    query = QuickQuery(cassandra_place(settings, 10.0), VERSIONS, 10)
    try:
        return await query.rows()
    finally:
        query.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
@pytest.mark.long
def test_a_node_from_before_keeps_its_rows_and_asks_for_a_certificate_from_then_on(tmp_path: pathlib.Path) -> None:
    port, storage_port = free_ports(2)
    folder, logs = tmp_path / "cassandra", tmp_path / "logs"
    settings = Settings(store="cassandra", cassandra_port=port, folder=str(tmp_path))
    with Processes() as processes:
        processes.add(start_cassandra(folder, logs, port, storage_port))
        open_decisions(settings).close()
        before = asyncio.run(versions(settings))
        assert as_another_user(log_in_to_cassandra, port, "", "") == "logged in"
    with Processes() as processes:
        processes.add(start_cassandra(folder, logs, port, storage_port, closed=True))
        open_decisions(settings).close()
        assert asyncio.run(versions(settings)) == before
        for user, password in (("", ""), ("cassandra", "cassandra")):
            assert as_another_user(log_in_to_cassandra, port, user, password).startswith("NoHostAvailable")
