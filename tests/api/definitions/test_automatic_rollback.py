"""A release under which event after event raises is rolled back once, for all stages, and logged as critical."""

import asyncio
import logging
from collections.abc import AsyncIterator

import msgspec
import pytest
from api_imitation import TEXTS, Api
from prometheus_client import generate_latest

from api.definitions.automatic_rollback import SYSTEM, AutomaticRollback, RaisedLetters
from api.http.metrics import ApiMetrics
from foundation.refusal import Refusal
from pipeline.engine.isolation import fault_of
from pipeline.score_job.dead_letter import dead_letter

IN_A_ROW = 3


def policy(number: int) -> str:
    return TEXTS["policy"] + f"# {number}\n"


def letter(release: int, in_a_row: int, error: Exception | None = None) -> tuple[str, bytes]:
    refusal = fault_of(error or KeyError("x"), "user stage")
    return "0:1", dead_letter(refusal, b"{}", 0, 1, 0, release=str(release), in_a_row=str(in_a_row))


class Process:
    def __init__(self, api: Api) -> None:
        self.api = api
        self.api_metrics = ApiMetrics()
        self.automatic_rollback = AutomaticRollback(api.definitions, api.in_force, api.access.audit, self.api_metrics, api.clock, IN_A_ROW)

    async def put(self, number: int) -> int:
        return (await self.api.definitions.put({"policy": policy(number)}, "ana")).release

    @property
    def in_force(self) -> int:
        assert self.api.in_force.release is not None
        return self.api.in_force.release.id

    async def until(self, release: int) -> None:
        async with asyncio.timeout(60):
            while self.in_force != release:
                await asyncio.sleep(0.005)

    async def settled(self) -> None:
        """Once all suspects were looked at."""
        async with asyncio.timeout(60):
            while not self.automatic_rollback._suspects.empty():
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)

    def raise_under(self, release: int, in_a_row: int = IN_A_ROW) -> None:
        self.automatic_rollback.take([letter(release, number) for number in range(1, in_a_row + 1)])


@pytest.fixture
async def process(api: Api) -> AsyncIterator[Process]:
    made = Process(api)
    await made.put(1)
    task = asyncio.create_task(made.automatic_rollback.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_release_under_which_so_many_events_in_a_row_raise_is_taken_back(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = process.in_force, await process.put(2)
    assert await process.automatic_rollback.check() == ""
    with caplog.at_level(logging.CRITICAL):
        process.raise_under(bad)
        await process.until(bad + 1)
        await process.settled()
    kept = process.api.registry.get(bad + 1)
    assert kept is not None
    assert (kept.by, kept.parts) == (SYSTEM, process.api.registry.get(good).parts)  # type: ignore[union-attr]
    assert process.api.in_force.texts["policy"] == policy(1)
    assert f"release {bad} is rolled back" in caplog.text
    assert "is an automatic rollback, because events raised under the one before" in await process.automatic_rollback.check()
    assert process.api_metrics.registry.get_sample_value("weir_releases_taken_back_total") == 1
    assert process.api_metrics.registry.get_sample_value("weir_raised_total", {"where": "user stage"}) == 3
    facts = [entry.fact() for entry in process.api.access.audit.page(None, 2)]
    assert [(fact.by, fact.action, fact.phase) for fact in facts] == [
        (SYSTEM, f"take back release {bad}", "outcome"),
        (SYSTEM, f"take back release {bad}", "intent"),
    ]
    await process.put(3)
    assert await process.automatic_rollback.check() == ""


@pytest.mark.parametrize("in_a_row", [0, 1, IN_A_ROW - 1])
async def test_fewer_events_take_nothing_back(process: Process, in_a_row: int) -> None:
    bad = await process.put(2)
    process.raise_under(bad, in_a_row)
    await process.settled()
    assert process.in_force == bad


async def test_events_of_another_release_than_the_one_in_force_take_nothing_back(process: Process) -> None:
    before, now = process.in_force, await process.put(2)
    process.raise_under(before)
    process.raise_under(now + 1)
    await process.settled()
    assert process.in_force == now


async def test_a_release_that_took_another_back_is_never_taken_back(process: Process) -> None:
    await process.put(2)
    bad = await process.put(3)
    process.raise_under(bad)
    await process.until(bad + 1)
    for again in range(3):
        process.raise_under(bad + 1, IN_A_ROW + again)
        await process.settled()
    assert process.in_force == bad + 1
    listed = await process.api.definitions.put({"list:blocked": "u1\n"}, "ana")
    process.raise_under(listed.release)
    await process.settled()
    assert process.in_force == listed.release  # the same definitions with one more list


async def test_a_list_that_is_declared_hides_no_bad_definitions(process: Process) -> None:
    await process.put(2)
    listed = (await process.api.definitions.put({"list:blocked": "u1\n"}, "ana")).release
    process.raise_under(listed)
    await process.until(listed + 1)
    assert process.api.in_force.texts["policy"] == policy(1)
    assert process.api.in_force.release.lists == ("blocked",)


async def test_definitions_that_are_pushed_again_unmended_are_taken_back_again(process: Process) -> None:
    bad = await process.put(2)
    process.raise_under(bad)
    await process.until(bad + 1)
    again = await process.put(2)
    process.raise_under(again)
    await process.until(again + 1)
    assert process.api.in_force.texts["policy"] == policy(1)


async def test_where_there_is_no_release_before_it_is_said_and_nothing_changes(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    process = Process(api)
    task = asyncio.create_task(process.automatic_rollback.run())
    only = process.in_force
    process.raise_under(only)
    await process.settled()
    assert process.in_force == only
    assert "no release to go back to" in caplog.text
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_fails_is_tried_again_while_the_release_is_in_force(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.definitions.automatic_rollback.RETRY_SECONDS", 0.01)
    bad = await process.put(2)
    process.api.log.down = True
    process.raise_under(bad)
    await process.settled()
    assert process.in_force == bad
    process.api.log.down = False
    await process.until(bad + 1)


async def test_it_can_be_turned_off(api: Api) -> None:
    process = Process(api)
    process.automatic_rollback._in_a_row_max = 0
    process.raise_under(process.in_force, 100)
    assert process.automatic_rollback._suspects.empty()


def test_letters_that_are_none_are_passed_over_and_refused_events_are_not_read(api: Api) -> None:
    process = Process(api)
    bad = [b"", b"{", b"\xff", b'{"reason":{"what":"raised"},"release":"x"}', b'{"reason":{"what":"raised","x":' + b"[" * 100_000]
    process.automatic_rollback.take([("0:1", value) for value in bad])
    assert b"weir_raised_total{" not in generate_latest(process.api_metrics.registry)
    refused = dead_letter(Refusal("bad event", where="amount", expected="a number", got="x"), b"{}", 0, 1, 0)
    assert msgspec.json.decode(refused)["reason"]["what"] == "bad event"
    messages = [_Message(letter(1, 1)[1]), _Message(refused)]
    following = object.__new__(RaisedLetters)
    following._prefix = b""
    assert [value for _, value in following._wanted(messages)] == [letter(1, 1)[1]]  # type: ignore[arg-type]


class _Message:
    def __init__(self, value: bytes) -> None:
        self._value = value

    def error(self) -> None:
        return None

    def key(self) -> bytes:
        return b"0:1"

    def value(self) -> bytes:
        return self._value
