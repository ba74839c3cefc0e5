"""Twenty releases, a hundred edits of the policy, and a kill -9 in between: the newest is in force, and the state has a bound."""

import pathlib
from collections.abc import Callable

import pytest
from flink_servers import FlinkServers
from publishing import POLICY_CHARACTERS, Publisher
from score_job_runs import cancel, decided, decisions, prepared, produce_events, submitted, wait_for

from foundation.settings import Settings
from pipeline.control import surplus

pytestmark = pytest.mark.integration
KEPT = 4
EDITS_A_KILL = 100


def checkpoints(settings: Settings, job: str) -> list[pathlib.Path]:
    """Whole checkpoints, oldest first."""
    found = settings.path("flink", "checkpoints", "score", job).glob("chk-*/_metadata")
    return [path.parent for path in sorted(found, key=lambda path: path.stat().st_mtime_ns)]


def checkpoint_bytes(settings: Settings, job: str) -> int:
    """Of the second whole checkpoint from now on: the first may have begun before."""
    before = {path.name for path in checkpoints(settings, job)}
    wait_for(lambda: len({path.name for path in checkpoints(settings, job)} - before) >= 1, 60, "no checkpoint")
    before |= {path.name for path in checkpoints(settings, job)}
    wait_for(lambda: len({path.name for path in checkpoints(settings, job)} - before) >= 1, 60, "no second checkpoint")
    return sum(path.stat().st_size for path in checkpoints(settings, job)[-1].iterdir())


@pytest.mark.parametrize("edits", [pytest.param(EDITS_A_KILL, marks=pytest.mark.long), pytest.param(1_000, marks=pytest.mark.deep)])
def test_the_newest_release_is_in_force_and_the_state_is_bounded(
    broker: str, flink: FlinkServers, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, edits: int
) -> None:
    monkeypatch.setattr(surplus, "RELEASES_KEPT", KEPT)
    flink.scale(1)
    settings = prepared(broker, flink, tmp_path, f"many-releases-{edits}.")
    publisher = Publisher(settings)
    asked = 0

    def newest_decides() -> None:
        nonlocal asked
        event = {"id": asked, "at": 1_700_000_000_000 + asked, "who": "u", "shop": "s", "amount": 1.5}
        asked += 1
        produce_events(settings, [event])
        by_id: dict[object, list[object]] = {}

        def is_decided() -> bool:
            for each in decisions(settings, decided(settings)):
                by_id.setdefault(each["event_id"], []).append(each["release"])
            return str(event["id"]) in by_id

        wait_for(is_decided, 120, f"event {event['id']} is not decided")
        assert by_id[str(event["id"])][-1] == publisher.newest

    job = submitted(flink, settings)
    newest_decides()
    for number in range(2, 22):
        publisher.publish(number)
    newest_decides_soon(newest_decides)
    before = checkpoint_bytes(settings, job)
    flink.kill_task_managers()
    flink.scale(1)
    newest_decides_soon(newest_decides)
    for first in range(22, 22 + edits, EDITS_A_KILL):
        for number in range(first, first + EDITS_A_KILL):
            publisher.publish(number)
        newest_decides_soon(newest_decides)
        after = checkpoint_bytes(settings, job)
        print(f"checkpoints of {before} bytes after 20 releases, of {after} after {first + EDITS_A_KILL - 22} edits more")
        assert after < 3 * KEPT * POLICY_CHARACTERS * 1.5
        assert after < 1.2 * before + POLICY_CHARACTERS
        flink.kill_task_managers()
        flink.scale(1)
        newest_decides_soon(newest_decides)
    cancel(flink, job)
    again = submitted(flink, settings, checkpoints(settings, job)[-1])
    newest_decides_soon(newest_decides)
    cancel(flink, again)


def newest_decides_soon(newest_decides: Callable[[], None]) -> None:
    """An event that is decided while a release is on its way may carry the one before; one of the next must not."""
    for _ in range(20):
        try:
            newest_decides()
        except AssertionError as error:
            last = error
        else:
            return
    raise last
