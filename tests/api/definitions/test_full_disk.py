"""The disk of the SQLite files is full: events are decided and reads are served, changes are refused whole, and `/ready` says why."""

import pathlib
from collections.abc import AsyncIterator, Iterator

import pytest
from api_imitation import TEXTS, Api, event
from small_disk import SmallDisk

from api.operations.store_checks import StoreChecks

CHANGES: list[tuple[str, str, dict[str, object]]] = [
    ("PUT", "/v1/policy", {"content": TEXTS["policy"] + "# more\n"}),
    ("POST", "/v1/labels", {"json": {"event_id": 5, "label": 1}}),
    ("POST", "/v1/tokens", {"json": {"name": "other", "roles": ["reader"]}}),
    ("PUT", "/v1/lists/good", {"content": "a\n"}),
]
READS = ("/v1/scores/customer/c1", "/v1/decisions/5", "/v1/flagged", "/v1/releases", "/v1/policy", "/v1/audit")


@pytest.fixture
def disk(tmp_path: pathlib.Path) -> Iterator[SmallDisk]:
    """A disk of a few megabytes."""
    disk = SmallDisk(tmp_path / "disk", 16)
    if disk.refused:
        pytest.skip(f"file systems cannot be mounted here: {disk.refused}")
    yield disk
    disk.close()


@pytest.fixture
async def full(disk: SmallDisk) -> AsyncIterator[Api]:
    """An application that has decided on event 5, on a disk that is full since."""
    api = Api(disk.folder)
    api.answer_all()
    api.keep("5")
    disk.fill()
    yield api
    await api.close()


async def test_events_are_decided_and_reads_are_served(full: Api) -> None:
    assert (await full.client.post("/v1/decisions", json=event(7))).json()["flags"] == []
    assert (await full.client.post("/v1/events", json=event(8))).status_code == 202
    assert [(await full.client.get(path)).status_code for path in READS] == [200] * len(READS)


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
async def test_a_change_is_refused_whole_and_taken_once_there_is_room(
    full: Api, disk: SmallDisk, method: str, path: str, body: dict[str, object]
) -> None:
    before = list(full.log.records)
    refused = await full.client.request(method, path, **body)  # type: ignore[arg-type]
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert "nothing was changed" in refused.json()["detail"]
    assert full.log.records == before
    disk.free()
    assert (await full.client.request(method, path, **body)).status_code in (200, 201, 202)  # type: ignore[arg-type]


async def test_a_check_of_what_takes_changes_names_the_disk_until_there_is_room(full: Api, disk: SmallDisk) -> None:
    checks = StoreChecks(full.decisions, full.decisions, full.registry, full.access, disk.folder)
    found = {name: await check() for name, check in checks.all().items()}
    assert (found["store"], found["tokens"]) == ("", "")
    assert all("0 bytes free" in found[name] for name in ("registry", "audit"))
    disk.free()
    assert {name: await check() for name, check in checks.all().items()} == dict.fromkeys(found, "")
    checks.close()


async def test_decisions_that_found_no_room_are_kept_once_there_is(full: Api, disk: SmallDisk) -> None:
    with pytest.raises(Exception, match="full"):
        full.keep("6")
    disk.free()
    full.keep("6")
    assert [decision.event_id for decision in full.decisions.get("6")] == ["6"]
