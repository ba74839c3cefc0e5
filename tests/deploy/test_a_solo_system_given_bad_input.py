"""A solo system whose disk is full, or that is sent what is no event, loses nothing that it acknowledged and goes on."""

import functools
import time
from collections.abc import Callable, Iterator

import httpx
import msgspec
import pytest
from small_disk import SmallDisk

from deploy.command import DEMO_CONFIG
from deploy.local.solo_in_process import TOKEN, SoloInProcess
from pipeline.log.log_folder import INPUT, LOGS, segments_of
from pipeline.log.reader import LogReader

pytestmark = pytest.mark.slow

DISK_MB = 96
GARBAGE = {
    "nothing": b"",
    "zeros": bytes(100),
    "no JSON": b'{"payment_id": 1,',
    "no UTF-8": b'{"payment_id": "\xff"}',
    "a list": b"[1, 2]",
    "a number": b"1e999",
    "deep": b"[" * 100_000,
    "a lone surrogate": b'{"payment_id": 1, "customer_id": "\\ud800"}',
    "no time": b'{"payment_id": 1}',
    "the same key twice": b'{"payment_id": 1, "payment_id": 2}',
}


def payment(id: int, **more: object) -> dict[str, object]:
    return {
        "payment_id": id, "at": int(time.time() * 1000), "customer_id": f"c{id % 7}", "terminal_id": "t1", "device_id": "d1",
        "amount": 12.5, "currency": "EUR", "merchant_category": "books",
    } | more  # fmt: skip


def until(condition: Callable[[], object], seconds_max: float = 120) -> object:
    deadline = time.monotonic() + seconds_max
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallDisk]:
    made = SmallDisk(tmp_path_factory.mktemp("disk"), DISK_MB)
    yield made
    made.close()


@pytest.fixture(scope="module")
def system(disk: SmallDisk) -> Iterator[SoloInProcess]:
    with SoloInProcess(DEMO_CONFIG, disk.folder / "system") as running:
        yield running


@pytest.fixture(scope="module")
def http(system: SoloInProcess) -> Iterator[httpx.Client]:
    address = f"http://{system.settings.api_address()}"
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False, timeout=60) as client:
        yield client


def ids_in_the_log(system: SoloInProcess) -> list[int]:
    reader, found = LogReader(segments_of(system.settings.path(*LOGS), INPUT), ["events"]), []
    while records := reader.read(1_000):
        found += [msgspec.json.decode(record.value or b"{}")["payment_id"] for record in records]
    return found


def test_on_a_full_disk_nothing_is_acknowledged_that_is_not_in_the_log_and_it_goes_on_when_there_is_room(
    system: SoloInProcess, disk: SmallDisk, http: httpx.Client
) -> None:
    if disk.refused:
        pytest.skip(f"file systems cannot be mounted here: {disk.refused}")
    taken = {id for id in range(100) if http.post("/v1/events", json=payment(id)).status_code == 202}
    assert len(taken) == 100
    disk.fill()
    try:
        refused = until(lambda: refused_one(http, disk, taken))
        assert isinstance(refused, httpx.Response)
        assert refused.headers["content-type"] == "application/problem+json"
        assert int(refused.headers["retry-after"]) >= 1
        answer = http.post("/v1/decisions", json=payment(100_500), headers={"X-Deadline-Ms": "200"}).json()
        assert "degraded" in answer["flags"]
        assert until(lambda: http.get("/ready").status_code == 503)
        assert http.get("/health").status_code == 200
    finally:
        disk.free()
    until(lambda: http.get("/ready").status_code == 200)  # before anybody sends anything, as those do who wait for it
    assert http.post("/v1/events", json=payment(100_600)).status_code == 202
    taken.add(100_600)
    logged = ids_in_the_log(system)
    assert taken <= set(logged)
    assert len(logged) == len(set(logged))
    for each in sorted(taken):
        assert until(functools.partial(system.client.decision, each))
    assert http.post("/v1/decisions?deadline_ms=10000", json=payment(100_601)).json()["flags"] in ([], ["warming"])


def refused_one(http: httpx.Client, disk: SmallDisk, taken: set[int]) -> httpx.Response | None:
    """The answer 503 to events; what is acknowledged meanwhile, since the log had room or others freed a little, is noted."""
    ids = range(200 + len(taken), 300 + len(taken))
    answer = http.post("/v1/events", json=[payment(id) for id in ids])
    if answer.status_code == 202:
        taken.update(ids)
        disk.fill()
        return None
    assert answer.status_code == 503
    return answer


@pytest.mark.parametrize("route", ["/v1/events", "/v1/decisions"])
@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE.keys())
def test_what_is_no_event_is_refused_or_a_dead_letter_and_the_next_event_is_decided(http: httpx.Client, route: str, body: bytes) -> None:
    answer = http.post(route, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422) or "degraded" in answer.json().get("flags", ()), answer.text
    assert http.get("/ready").status_code == 200
    assert http.post("/v1/decisions?deadline_ms=10000", json=payment(hash((route, body)) % (1 << 40))).json()["flags"] in ([], ["warming"])


def test_an_event_of_fourteen_megabytes_is_refused_and_the_next_one_is_decided(http: httpx.Client) -> None:
    for route in ("/v1/events", "/v1/decisions"):
        answer = http.post(route, json=payment(1_000, note="x" * 14_000_000))
        assert answer.status_code == 413
        assert "at most" in answer.json()["detail"]
    assert http.post("/v1/decisions?deadline_ms=10000", json=payment(200_001)).json()["flags"] in ([], ["warming"])
