"""Parts of a running system are killed, and its disks are full: the newest release decides, and no payment is lost or kept twice."""

import signal
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from fed_system import RETRYABLE, FedSystem, is_scored
from score_job_runs import wait_for
from servers_of_a_test import UNHURRIED_MS
from small_disk import SmallDisk
from weir_up import WeirUp

from deploy.command import SAMPLES
from deploy.local.stack import SIDE_JOBS, free_settings
from foundation.refusal import Refusal
from pipeline.flink.flink_rest import rest_of
from pipeline.flink.jobs import flink_name, running_jobs

pytestmark = [pytest.mark.system, pytest.mark.deep]
DISKS_MB = {"kafka": 512, "flink/checkpoints": 256, "": 512}
"""Of the folders of broker and checkpoints, and of the system's own, where SQLite, DuckDB and the archive are."""
EVERYTHING = "everything"
TASK_MANAGERS = "all task-managers"
PUBLISHING = ("api", "broker")
FEW = (*PUBLISHING, EVERYTHING)
ALL = ("task-manager-1", "job-manager", TASK_MANAGERS, *SIDE_JOBS, "task-manager-2", "task-manager-3", *FEW)
DEADLINE_MS = 200
BYTES_AN_EVENT = 1_000
SLACK_MB = 64
"""As much as the releases that are kept may take, three times over in the state, with lists of this size."""
PROCESS_SLACK_MB = 200


class Figures(NamedTuple):
    """What a system holds: of the score job its newest checkpoint and its heap without garbage; of all parts their memory."""

    events: int
    checkpoint_bytes: int
    heap_mb: float
    memory_mb: dict[str, int]
    disk_bytes: dict[str, int]

    @classmethod
    def of(cls, fed: FedSystem) -> "Figures":
        """Those of now."""
        up = fed.up
        return cls(len(fed.sent), fed.checkpoint_bytes(), up.heap_mb("task-manager-1"), up.memory_mb(), fed.bytes_on_disk())

    def assert_bounded_by(self, before: "Figures") -> None:
        """Events add their history; releases and edits of lists add nothing for long."""
        events = BYTES_AN_EVENT * (self.events - before.events)
        assert self.checkpoint_bytes < 1.5 * before.checkpoint_bytes + events + SLACK_MB * 1_000_000
        assert self.heap_mb < 1.5 * before.heap_mb + events / 1e6 + SLACK_MB
        for part, memory_mb in self.memory_mb.items():
            assert memory_mb < 1.5 * before.memory_mb.get(part, memory_mb) + PROCESS_SLACK_MB, part


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, SmallDisk]]:
    """Small disks for the system's folders, by folder; the system's own first, since the others are in it."""
    root = tmp_path_factory.mktemp("weir")
    made = {folder: SmallDisk(root / folder, size_mb) for folder, size_mb in sorted(DISKS_MB.items())}
    yield made
    for disk in reversed(made.values()):
        disk.close()


@pytest.fixture(scope="module")
def up(disks: dict[str, SmallDisk]) -> Iterator[WeirUp]:
    """`weir up`, running."""
    intervals = {"checkpoint_interval_ms": 2_000, "metrics_interval_ms": 2_000, "archive_interval_ms": 2_000}
    up = WeirUp(free_settings(disks[""].folder, entity_wait_ms=UNHURRIED_MS, **intervals), SAMPLES / "payments")
    up.start()
    yield up
    up.stop()


@pytest.fixture(scope="module")
def fed(up: WeirUp) -> Iterator[FedSystem]:
    """The system, fed from the first test of this module to the last."""
    fed = FedSystem(up.settings, up)
    try:
        fed.edit_policy()
        fed.wait_until_newest_decides()
        fed.feed()
        yield fed
    finally:
        fed.close()


@pytest.fixture
def full(request: pytest.FixtureRequest, disks: dict[str, SmallDisk]) -> Iterator[SmallDisk]:
    """The disk of the test's parameter, full; free afterwards."""
    disk = disks[request.param]
    if disk.refused:
        pytest.skip(f"file systems cannot be mounted here: {disk.refused}")
    disk.fill()
    yield disk
    disk.free()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_while_the_broker_is_away_callers_are_told_and_afterwards_all_goes_on(fed: FedSystem, number: signal.Signals) -> None:
    api = fed.up.parts()["api"]
    with fed.up.held():  # so that nobody starts the broker again
        broker = fed.up.signal_part("broker", number)
        assert_callers_are_told(fed)
    fed.up.wait_for_part("broker", broker)
    fed.wait_until_newest_decides()
    assert fed.api.post("/v1/events", json=fed.payment()).status_code == 202
    assert fed.up.parts()["api"] == api


def assert_callers_are_told(fed: FedSystem) -> None:
    """Payments get the fallback at their deadline, `/ready` names the broker, and events are refused with a time to try again."""
    answer = fed.ask(DEADLINE_MS)
    assert not is_scored(answer)
    assert answer["release"] == fed.newest
    wait_for(lambda: not fed.ready()["parts"]["broker"]["ok"], 60, "/ready does not name the broker")
    assert fed.ready()["status"] == "not_ready"
    answer = fed.ask(DEADLINE_MS)
    assert answer["elapsed_ms"] < DEADLINE_MS + 5_000, "it waits for the broker and not for its deadline"
    assert any("broker" in reason for reason in answer["reasons"])
    refused = fed.api.post("/v1/events", json=fed.payment())
    assert refused.status_code in RETRYABLE, refused.text
    assert int(refused.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("releases", "edits", "killed"),
    [(3, 6, FEW), (20, 1_100, ALL)],
    ids=["short", "long"],
)
def test_after_each_kill_the_newest_release_decides_and_nothing_is_lost_or_kept_twice(
    fed: FedSystem, releases: int, edits: int, killed: tuple[str, ...]
) -> None:
    for _ in range(releases):
        fed.edit_policy()
    fed.edit_list("good", [f"customer-of-{number:040}" for number in range(2_000)])
    fed.wait_until_newest_decides()
    for number, part in enumerate(killed):
        for edit in range(edits // len(killed)):
            fed.edit_list("good", [f"customer-{number}-{edit}"])
        began, checkpoint = time.monotonic(), fed.checkpoint_number()
        kill(fed, part)
        wait_until_newest_decides_again(fed, checkpoint)
        took = time.monotonic() - began
        figures = Figures.of(fed)
        print(
            f"{part} killed after {(number + 1) * (edits // len(killed))} edits: release {fed.newest} decides {took:.1f} s later; {figures}"
        )
        if number == 0:
            before = figures
        figures.assert_bounded_by(before)
    settle(fed)
    fed.feed()


def kill(fed: FedSystem, part: str) -> None:
    """Kills it, with a new release while it is down where it can be had, else as soon as it can."""
    if part == EVERYTHING:
        fed.up.kill()
        fed.up.start()
    elif part == TASK_MANAGERS:
        with fed.up.held():
            all_ended = {f"task-manager-{number}": fed.up.signal_part(f"task-manager-{number}") for number in (1, 2, 3)}
            fed.edit_policy()
        for name, ended in all_ended.items():
            fed.up.wait_for_part(name, ended)
    else:
        ended = fed.up.signal_part(part)
        if part not in PUBLISHING:
            fed.edit_policy()
        fed.up.wait_for_part(part, ended)
    fed.edit_policy()


def wait_until_newest_decides_again(fed: FedSystem, checkpoint: int) -> None:
    """Returns once it decides in a score job that has a JobManager and its own slot.

    Without a JobManager it decides for some seconds too, but makes no checkpoints.

    Args:
        checkpoint: the number of the newest one before the kill; the next may have been under way.
    """
    wait_for(lambda: fed.checkpoint_number() > checkpoint + 1, 240, "no checkpoint after a kill")
    wait_for(lambda: score_job_has_its_slot(fed), 240, "the score job runs on a TaskManager that gives way")
    fed.wait_until_newest_decides()


def score_job_has_its_slot(fed: FedSystem) -> bool:
    """Whether it runs on the first TaskManager."""
    rest = rest_of(fed.settings)
    try:
        ids = [one["id"] for one in rest.ask("/taskmanagers", 10)["taskmanagers"]]
        found = [rest.ask(f"/taskmanagers/{id}", 10) for id in ids if id.startswith("task-manager-1-")]
        score = running_jobs(rest).get(flink_name("score"))
    except (OSError, ValueError, Refusal):  # one that ended is listed for some seconds, and tells nothing
        return False
    return any(slot["jobId"] == score for one in found for slot in one["allocatedSlots"])


def settle(fed: FedSystem) -> None:
    """All that was sent is decided, kept, and counted once."""
    fed.rest()
    fed.check_books()

    def all_counted_once() -> bool:
        fed.count_decisions()
        return fed.counted_in_metrics() == len(fed.first)

    wait_for(all_counted_once, 240, "decisions that are not in the metrics once")
    print(f"{len(fed.sent)} payments fed, {fed.copies} decisions more than once on the topic, release {fed.newest}")


@pytest.mark.parametrize("full", ["kafka"], indirect=True)
def test_while_the_brokers_disk_is_full_the_fallback_answers_and_afterwards_all_goes_on(fed: FedSystem, full: SmallDisk) -> None:
    api, broker = fed.up.parts()["api"], fed.up.parts()["broker"]
    wait_for(lambda: fed.up.parts().get("broker") != broker, 120, "the broker outlives its disk")
    full.fill()
    assert_callers_are_told(fed)
    full.free()
    fed.wait_until_newest_decides(240)
    assert fed.up.parts()["api"] == api


@pytest.mark.parametrize("full", ["flink/checkpoints"], indirect=True)
def test_while_the_checkpoints_disk_is_full_events_are_decided_and_a_killed_job_goes_on(fed: FedSystem, full: SmallDisk) -> None:
    before = checkpoints(fed)
    wait_for(lambda: checkpoints(fed)["failed"] > before["failed"], 60, "checkpoints find room on a full disk")
    assert is_scored(fed.ask(10_000))
    ended = fed.up.signal_part("task-manager-1")
    fed.up.wait_for_part("task-manager-1", ended)
    fed.edit_policy()
    fed.wait_until_newest_decides()
    full.free()
    before = checkpoints(fed)
    wait_for(lambda: checkpoints(fed)["completed"] > before["completed"], 60, "no checkpoint after there is room again")


def checkpoints(fed: FedSystem) -> dict[str, int]:
    """How many of the score job have failed and been completed."""
    rest = rest_of(fed.settings)
    counts = rest.ask(f"/jobs/{running_jobs(rest)[flink_name('score')]}/checkpoints", 10)
    assert isinstance(counts, dict)
    found: dict[str, int] = counts["counts"]
    return found


@pytest.mark.parametrize("full", [""], ids=["system"], indirect=True)
def test_while_the_systems_own_disk_is_full_events_are_decided_and_an_edit_is_whole_or_refused(fed: FedSystem, full: SmallDisk) -> None:
    changed = fed.api.put("/v1/policy", content="# perhaps\n" + fed.api.get("/v1/policy").text)
    if changed.status_code != 503:  # SQLite may write where its log has room from before
        fed.take_in(changed)
    answer = fed.ask(10_000)
    assert is_scored(answer)
    assert answer["release"] == fed.newest
    full.free()
    fed.edit_policy()
    fed.wait_until_newest_decides()
    settle(fed)
