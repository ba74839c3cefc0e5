"""Another user of the machine asks nothing of Druid, of its ZooKeeper and of its database, and tells them nothing."""

import json
import os
import pathlib
import struct
from typing import TYPE_CHECKING

import pytest
from another_user import answered_asks, answers_to, as_another_user
from druid_segments import ask_coordinator, task_ids
from listening import is_of_this_machine_alone, listening
from score_job_runs import wait_for

from deploy.machine.certificate import make_certificate
from foundation.settings import Settings

if TYPE_CHECKING:
    from conftest import DruidServers

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")

PORTS = 5
"""Broker, coordinator, indexer, historical and ZooKeeper; the database of metadata has none."""
SECRETS = {"type": "local", "baseDir": "/etc", "filter": "shadow"}
TASK = {
    "type": "index_parallel",
    "spec": {
        "ioConfig": {"type": "index_parallel", "inputSource": SECRETS, "inputFormat": {"type": "regex", "pattern": "(.*)"}},
        "dataSchema": {"dataSource": "stolen", "timestampSpec": {"missingValue": "2026-01-01"}, "dimensionsSpec": {}},
        "tuningConfig": {"type": "index_parallel"},
    },
}
READING = "index_kafka_"
"""What ids of tasks begin with that read topics, as other tests have them do."""
QUERY = {"query": "SELECT * FROM sys.tasks"}
ASKED = [
    ("GET", "/status", None),
    ("GET", "/unified-console.html", None),
    ("GET", "/druid/indexer/v1/supervisor?full", None),
    ("GET", "/druid/coordinator/v1/datasources", None),
    ("POST", "/druid/v2/sql", QUERY),
    ("POST", "/druid/v2/sql/task", QUERY),
    ("POST", "/druid/indexer/v1/task", TASK),
    ("POST", "/druid/indexer/v1/sampler", TASK),
    ("POST", "/druid/coordinator/v1/config", {"maxSegmentsToMove": 0}),
]


@pytest.fixture(scope="module")
def settings(druid: "DruidServers") -> Settings:
    return druid.settings("attacked.")


@pytest.fixture(scope="module")
def ports(druid: "DruidServers") -> list[int]:
    """All on which the process listens; the last service comes up behind the ones that say that Druid is up."""
    wait_for(lambda: len(listening([druid.process.pid])) >= PORTS, 60, "no port of each part")
    return sorted(place.port for place in listening([druid.process.pid]))


def test_druid_listens_on_this_machine_alone_and_no_more_than_it_has_to(druid: "DruidServers", ports: list[int]) -> None:
    places = listening([druid.process.pid])
    assert [place for place in places if not is_of_this_machine_alone(place)] == []
    assert len(ports) == PORTS


def test_no_port_of_druid_answers_without_its_certificate(ports: list[int]) -> None:
    asks = [(method, path, None if body is None else json.dumps(body).encode()) for method, path, body in ASKED]
    assert as_another_user(answered_asks, ports, asks) == "[]"


def test_its_owner_is_answered_and_sees_that_nothing_was_changed(settings: Settings) -> None:
    """Otherwise the refusals would say nothing."""
    assert {task for task in task_ids(settings) if not task.startswith(READING)} == set()
    assert "stolen" not in ask_coordinator(settings, "/druid/coordinator/v1/datasources")


def framed(record: bytes) -> bytes:
    return struct.pack(">i", len(record)) + record


def session_and(record: bytes) -> bytes:
    """A session of ZooKeeper's own protocol is asked for, and something at once."""
    return framed(struct.pack(">iqiqi16s?", 0, 0, 10_000, 0, 16, bytes(16), False)) + framed(record)


def text(value: bytes) -> bytes:
    return struct.pack(">i", len(value)) + value


ANYONE = struct.pack(">ii", 1, 31) + text(b"world") + text(b"anyone")
CREATE, READ = 1, 8
ZOOKEEPER = [
    *(word + b"\n" for word in (b"ruok", b"srvr", b"stat", b"dump", b"conf", b"envi", b"mntr")),
    session_and(struct.pack(">ii", 1, READ) + text(b"/druid") + b"\0"),
    session_and(struct.pack(">ii", 1, CREATE) + text(b"/mine") + text(b"x") + ANYONE + struct.pack(">i", 0)),
]


def test_zookeeper_says_nothing_and_opens_no_session(ports: list[int]) -> None:
    assert as_another_user(answers_to, ZOOKEEPER, ports) == "[]"


def test_its_keys_and_files_cannot_be_read(druid: "DruidServers") -> None:
    folder = druid.folder
    assert folder.stat().st_mode & 0o077 == 0
    for part in ("keys/store.p12", "keys/client.pem", "keys/password", "conf/common.properties", "conf/zookeeper.properties"):
        assert (folder / part).stat().st_mode & 0o077 == 0, part


def test_no_secret_stands_in_its_command_line(druid: "DruidServers") -> None:
    command = pathlib.Path(f"/proc/{druid.process.pid}/cmdline").read_text()
    assert make_certificate(druid.folder / "keys").password not in command
