"""HDFS killed or held up: readers are told in bounded time, and find everything when it is back."""

import signal
import threading
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from killable_hdfs import USER, KillableHdfs

from deploy.command import main
from deploy.servers.hdfs_security import USER_VARIABLE
from stores.archive.archive import open_archive
from stores.archive.archive_compaction import compact
from stores.archive.archive_encoding import day_of, encode_records, folder_of
from stores.archive.archive_files import FileArchive
from stores.archive.archive_rows import ArchivedRecord
from stores.decisions import StoreUnavailableError

START_MS = 1_700_006_400_000
TIMEOUT_SECONDS = 1.5
ENDS_WITHIN_SECONDS = 240
"""Far more than any machine needs, far less than for ever."""


@pytest.fixture(scope="module", autouse=True)
def _let_in() -> Iterator[None]:
    """The name of this process is the one that may use the archive."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(USER_VARIABLE, USER)
        yield


@pytest.fixture
def place(killable_hdfs: KillableHdfs, request: pytest.FixtureRequest) -> str:
    """URL of an archive of three files of ten records each."""
    url = f"{killable_hdfs.hdfs.url}/{request.node.name.replace('[', '-').replace(']', '')}"
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
    killable_hdfs: KillableHdfs, place: str, name: str, opened: str
) -> None:
    archive = open_archive(place, TIMEOUT_SECONDS)
    if opened == "before":
        assert offsets(archive) == list(range(30))
    killable_hdfs.signal(name, signal.SIGSTOP)
    try:
        assert isinstance(outcome_of(archive), StoreUnavailableError)
    finally:
        killable_hdfs.signal(name, signal.SIGCONT)
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
def test_what_was_archived_outlives_a_kill(killable_hdfs: KillableHdfs, place: str, names: tuple[str, ...]) -> None:
    archive = open_archive(place, TIMEOUT_SECONDS)
    assert offsets(archive) == list(range(30))
    killable_hdfs.kill(*names)
    assert isinstance(outcome_of(archive), StoreUnavailableError)
    assert isinstance(outcome_of(open_archive(place, TIMEOUT_SECONDS)), StoreUnavailableError)
    killable_hdfs.start(*names)
    assert until_readable(archive) == list(range(30))
    assert offsets(open_archive(place)) == list(range(30))


def test_a_compaction_that_the_data_node_holds_up_loses_nothing(killable_hdfs: KillableHdfs, place: str) -> None:
    archive = open_archive(place, TIMEOUT_SECONDS)
    killable_hdfs.signal("data-node", signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnavailableError):
            compact(archive, "events", day_of(START_MS))
    finally:
        killable_hdfs.signal("data-node", signal.SIGCONT)
    assert until_readable(archive) == list(range(30))
    compact(open_archive(place), "events", day_of(START_MS))
    assert offsets(archive) == list(range(30))
    assert [day.files for day in archive.days("events")] == [1]


def test_a_command_says_that_the_archive_does_not_answer(killable_hdfs: KillableHdfs, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_ARCHIVE_URL", place)
    killable_hdfs.signal("name-node", signal.SIGSTOP)
    try:
        shown = CliRunner().invoke(main, ["archive", "list"])
    finally:
        killable_hdfs.signal("name-node", signal.SIGCONT)
    assert shown.exit_code == 2
    assert "no answer from the archive" in shown.output
    assert place in shown.output


def until_readable(archive: FileArchive) -> object:
    """A server that is back needs some seconds until it has been told of all blocks."""
    outcome: object = None
    for _ in range(200):
        outcome = outcome_of(archive)
        if not isinstance(outcome, StoreUnavailableError):
            return outcome
        threading.Event().wait(0.5)
    return outcome
