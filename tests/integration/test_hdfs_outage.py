"""HDFS killed or held up: readers are told in bounded time, and find everything when it is back."""

import os
import pathlib
import signal
import threading
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from deploy.command import main
from deploy.machine.ports import free_ports
from deploy.machine.processes import Process, Processes
from deploy.servers.hdfs import Hdfs
from stores.archive.archive import open_archive
from stores.archive.archive_compaction import compact
from stores.archive.archive_encoding import day_of, encode_records, folder_of
from stores.archive.archive_files import FileArchive
from stores.archive.archive_rows import ArchivedRecord
from stores.decisions import StoreUnavailableError

START_MS = 1_700_006_400_000
TIMEOUT_SECONDS = 1.5
ENDS_WITHIN_SECONDS = 60
"""Far more than any machine needs, far less than for ever."""


class Servers:
    """A NameNode and a DataNode that a test may kill and start again."""

    def __init__(self, folder: pathlib.Path, processes: Processes) -> None:
        self.hdfs = Hdfs(folder, folder / "logs", *free_ports(2))
        self._processes = processes
        self.by_name: dict[str, Process] = {}
        self.start("name-node", "data-node")

    def start(self, *names: str) -> None:
        for name in names:
            launch = self.hdfs.launch_name_node if name == "name-node" else self.hdfs.launch_data_node
            self.by_name[name] = self._processes.add(launch())
        self.hdfs.wait(self.by_name["name-node"])

    def kill(self, *names: str) -> None:
        for name in names:
            self.by_name[name].kill()
            self._processes.forget(self.by_name[name])

    def signal(self, name: str, number: signal.Signals) -> None:
        os.killpg(self.by_name[name].pid, number)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with Processes() as processes:
        yield Servers(tmp_path_factory.mktemp("outage"), processes)


@pytest.fixture
def place(servers: Servers, request: pytest.FixtureRequest) -> str:
    """URL of an archive of three files of ten records each."""
    url = f"{servers.hdfs.url}/{request.node.name.replace('[', '-').replace(']', '')}"
    archive = open_archive(url)
    folder = f"{archive.root}/{folder_of('events', day_of(START_MS))}"
    archive.files.create_dir(folder, recursive=True)
    for first in range(0, 30, 10):
        with archive.files.open_output_stream(f"{folder}/part-{first}.parquet") as file:
            file.write(encode_records([ArchivedRecord(0, offset, START_MS + offset, b"", b"{}") for offset in range(first, first + 10)]))
    return url


def offsets(archive: FileArchive) -> list[int]:
    return [offset for table in archive.read("events") for offset in table["offset"].to_pylist()]


def outcome_of(archive: FileArchive) -> object:
    """What reading comes to; None when it has not ended in time."""
    found: list[object] = []

    def read() -> None:
        try:
            found.append(offsets(archive))
        except StoreUnavailableError as error:
            found.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(ENDS_WITHIN_SECONDS)
    return found[0] if found else None


@pytest.mark.parametrize("name", ["name-node", "data-node"])
@pytest.mark.parametrize("opened", [pytest.param("before", marks=pytest.mark.long), "during"])
def test_a_server_that_stands_still_is_an_error_in_time_and_not_an_empty_archive(
    servers: Servers, place: str, name: str, opened: str
) -> None:
    archive = open_archive(place, TIMEOUT_SECONDS)
    if opened == "before":
        assert offsets(archive) == list(range(30))
    servers.signal(name, signal.SIGSTOP)
    try:
        assert isinstance(outcome_of(archive), StoreUnavailableError)
    finally:
        servers.signal(name, signal.SIGCONT)
    assert until_readable(archive) == list(range(30))


@pytest.mark.parametrize(
    "names",
    [
        ("name-node",),
        pytest.param(("data-node",), marks=pytest.mark.long),
        pytest.param(("name-node", "data-node"), marks=pytest.mark.long),
    ],
    ids="+".join,
)
def test_what_was_archived_outlives_a_kill(servers: Servers, place: str, names: tuple[str, ...]) -> None:
    archive = open_archive(place, TIMEOUT_SECONDS)
    assert offsets(archive) == list(range(30))
    servers.kill(*names)
    assert isinstance(outcome_of(archive), StoreUnavailableError)
    assert isinstance(outcome_of(open_archive(place, TIMEOUT_SECONDS)), StoreUnavailableError)
    servers.start(*names)
    assert until_readable(archive) == list(range(30))
    assert offsets(open_archive(place)) == list(range(30))


def test_a_compaction_that_the_data_node_holds_up_loses_nothing(servers: Servers, place: str) -> None:
    archive = open_archive(place, TIMEOUT_SECONDS)
    servers.signal("data-node", signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnavailableError):
            compact(archive, "events", day_of(START_MS))
    finally:
        servers.signal("data-node", signal.SIGCONT)
    assert until_readable(archive) == list(range(30))
    compact(open_archive(place), "events", day_of(START_MS))
    assert offsets(archive) == list(range(30))
    assert [day.files for day in archive.days("events")] == [1]


def test_a_command_says_that_the_archive_does_not_answer(servers: Servers, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_ARCHIVE_URL", place)
    servers.signal("name-node", signal.SIGSTOP)
    try:
        shown = CliRunner().invoke(main, ["archive", "list"])
    finally:
        servers.signal("name-node", signal.SIGCONT)
    assert shown.exit_code == 2
    assert "no answer from the archive" in shown.output
    assert place in shown.output


def until_readable(archive: FileArchive) -> object:
    """A server that is back needs some seconds until it has been told of all blocks."""
    outcome: object = None
    for _ in range(40):
        outcome = outcome_of(archive)
        if not isinstance(outcome, StoreUnavailableError):
            return outcome
        threading.Event().wait(0.5)
    return outcome
