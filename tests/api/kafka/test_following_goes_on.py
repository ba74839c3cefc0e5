"""What an API process follows, it follows for as long as it lives."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from api.kafka.following import Following, Record
from api.server import Server


async def test_records_of_the_control_topic_at_which_the_process_raises_do_not_end_its_following() -> None:
    taken: list[Sequence[Record]] = []
    done = asyncio.Event()

    class Taking:
        async def take(self, records: Sequence[Record]) -> None:
            if records[0][0] == "bad":
                raise KeyError("planted")
            taken.append(records)
            done.set()

    server = object.__new__(Server)
    server._definitions, server._followed = SimpleNamespace(following=Taking()), asyncio.Queue()  # type: ignore[assignment]
    task = asyncio.create_task(server._follow())
    for key in ("bad", "good"):
        server._followed.put_nowait([(key, b"")])
    async with asyncio.timeout(60):
        await done.wait()
    assert [[key for key, _ in records] for records in taken] == [["good"]]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_client_that_raises_does_not_end_the_thread_that_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    following = object.__new__(Following)
    following._name, following._stopping, calls = "replies", False, []

    class Loop:
        def is_closed(self) -> bool:
            return False

        def call_soon_threadsafe(self, take: object, found: Sequence[Record]) -> None:
            following._stopping = True

    def next_records(seconds: float) -> list[Record]:
        calls.append(seconds)
        if len(calls) == 1:
            raise RuntimeError("planted")
        return [("k", b"v")]

    monkeypatch.setattr("api.kafka.following._RETRY_SECONDS", 0.001)
    following._consumer = SimpleNamespace()  # type: ignore[assignment]
    following._take, following._next = None, next_records  # type: ignore[assignment, method-assign]
    following._run(Loop())  # type: ignore[arg-type]
    assert len(calls) == 2
