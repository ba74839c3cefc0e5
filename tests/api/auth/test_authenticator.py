import asyncio
import logging
import pathlib
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from databases_of_a_test import FickleDatabase, database_in

from api.auth import authenticator, bounded_lookups
from api.auth.authenticator import REVOKED_SECONDS_MAX, STALE_SECONDS_MAX, Authenticator
from api.auth.permissions import Caller
from api.auth.rejection_log import LOG_SECONDS
from api.auth.token_verifier import StoredTokenVerifier
from api.http.problem import Problem
from stores.relational.tokens import RelationalTokens
from stores.tokens import StoredToken, new_token, token_hash

PEER = "203.0.113.9:4711"


class SlowTokens(RelationalTokens):
    """Counts what it is asked, and waits while `held`."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.database = FickleDatabase(folder)
        super().__init__(self.database)
        self.asked = 0
        self.free = threading.Event()
        self.free.set()

    def by_hash(self, hash: str) -> StoredToken | None:
        found = super().by_hash(hash)
        self.asked += 1
        self.free.wait(10)
        return found


class Door:
    """An authenticator over a file, with a clock that the test moves."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.moved = 0.0
        self.tokens = SlowTokens(folder)
        self.failures: Counter[str] = Counter()
        self.authenticator = Authenticator([StoredTokenVerifier(self.tokens, self.clock)], self.count, self.clock, self.monotonic)

    def count(self, reason: str) -> None:
        self.failures[reason] += 1

    def clock(self) -> float:
        return 1_700_000_000 + self.moved

    def monotonic(self) -> float:
        return time.monotonic() + self.moved

    def add(self, name: str, expires_in: float | None = None) -> str:
        token = new_token()
        expires = None if expires_in is None else int((self.clock() + expires_in) * 1000)
        self.tokens.add(StoredToken(name, token_hash(token), ("system",), "owner", 1, expires))
        return token

    def known(self, token: str) -> Caller | None:
        return self.authenticator.known(f"Bearer {token}".encode())

    async def caller(self, token: str) -> Caller:
        return self.known(token) or await self.authenticator.identify(f"Bearer {token}".encode(), PEER)

    async def status(self, token: str) -> int:
        try:
            await self.caller(token)
        except Problem as problem:
            return problem.status
        return 200


@pytest.fixture
async def door(tmp_path: pathlib.Path) -> AsyncIterator[Door]:
    made = Door(tmp_path)
    yield made
    made.tokens.free.set()
    await made.authenticator.close()
    made.tokens.database.close()


async def test_a_token_is_looked_up_once_and_then_known(door: Door) -> None:
    token = door.add("payments")
    assert door.known(token) is None
    assert (await door.caller(token)).name == "payments"
    assert all(door.known(token) is not None for _ in range(100))
    assert door.tokens.asked == 1


async def test_callers_that_come_at_once_share_one_look_up(door: Door) -> None:
    token = door.add("payments")
    assert {each.name for each in await asyncio.gather(*(door.caller(token) for _ in range(100)))} == {"payments"}
    assert door.tokens.asked == 1


async def test_a_token_in_use_is_looked_up_again_beside_its_requests(door: Door) -> None:
    token = door.add("payments")
    await door.caller(token)
    for round in range(2, 6):
        door.moved += REVOKED_SECONDS_MAX - 1
        assert door.known(token) is not None
        while door.tokens.asked < round:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.02)


async def test_a_revocation_by_another_process_is_in_force_within_five_seconds(door: Door) -> None:
    token = door.add("payments")
    await door.caller(token)
    door.tokens.revoke("payments", 2)
    assert door.known(token) is not None
    door.moved += REVOKED_SECONDS_MAX
    assert door.known(token) is None
    assert await door.status(token) == 401
    assert door.failures == {"revoked": 1}


async def test_a_revocation_that_is_found_beside_a_request_ends_the_token(door: Door) -> None:
    token = door.add("payments")
    await door.caller(token)
    door.tokens.revoke("payments", 2)
    door.moved += REVOKED_SECONDS_MAX - 1
    assert door.known(token) is not None
    while door.authenticator._asked:
        await asyncio.sleep(0.005)
    assert door.known(token) is None
    assert await door.status(token) == 401


async def test_what_is_forgotten_while_it_is_looked_up_is_not_known_afterwards(door: Door) -> None:
    token = door.add("payments")
    door.tokens.free.clear()
    first = asyncio.create_task(door.caller(token))
    while not door.tokens.asked:
        await asyncio.sleep(0.005)
    door.authenticator.forget(token_hash(token))
    door.tokens.free.set()
    assert (await first).name == "payments"
    assert door.known(token) is None


async def test_who_comes_after_a_revocation_is_not_given_an_answer_from_before_it(door: Door) -> None:
    token = door.add("payments")
    door.tokens.free.clear()
    first = asyncio.create_task(door.caller(token))
    while not door.tokens.asked:
        await asyncio.sleep(0.005)
    door.tokens.revoke("payments", 2)
    door.authenticator.forget(token_hash(token))
    later = asyncio.create_task(door.status(token))
    await asyncio.sleep(0)
    door.tokens.free.set()
    assert (await first).name == "payments"
    assert await later == 401


async def test_a_token_ends_at_its_end(door: Door) -> None:
    token = door.add("payments", expires_in=3.0)
    await door.caller(token)
    door.moved += 2.9
    assert door.known(token) is not None
    door.moved += 0.2
    assert door.known(token) is None
    assert await door.status(token) == 401
    assert door.failures == {"expired": 1}


async def test_without_the_store_known_tokens_go_on_and_unknown_ones_are_not_called_wrong(door: Door) -> None:
    token, unused = door.add("payments"), door.add("another")
    await door.caller(token)
    door.tokens.database.away = True
    for _ in range(10):
        door.moved += REVOKED_SECONDS_MAX + 1
        assert await door.status(token) == 200
    assert await door.status(unused) == await door.status(new_token()) == 503
    door.moved += STALE_SECONDS_MAX
    assert await door.status(token) == 503
    assert door.failures == {}


async def test_when_the_store_is_back_a_revocation_counts_at_once(door: Door, tmp_path: pathlib.Path) -> None:
    token = door.add("payments")
    await door.caller(token)
    door.tokens.database.away = True
    door.moved += REVOKED_SECONDS_MAX
    assert await door.status(token) == 200
    RelationalTokens(database_in(tmp_path)).revoke("payments", 2)
    door.tokens.database.away = False
    door.moved += REVOKED_SECONDS_MAX
    assert await door.status(token) == 401


async def test_a_store_that_stands_still_does_not_hold_up_the_event_loop(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_lookups, "LOOKUP_SECONDS_MAX", 0.5)
    token, other = door.add("payments"), door.add("other")
    await door.caller(token)
    door.tokens.free.clear()
    asked = asyncio.create_task(door.status(other))
    ticks = 0
    while not asked.done():
        assert await door.status(token) == 200
        await asyncio.sleep(0.001)
        ticks += 1
    assert asked.result() == 503
    assert ticks > 3  # one, where it is held up


async def test_look_ups_have_a_bound_beyond_which_callers_are_put_off(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_lookups, "IN_FLIGHT_MAX", 5)
    monkeypatch.setattr(bounded_lookups, "LOOKUP_SECONDS_MAX", 60)
    token = door.add("payments")
    await door.caller(token)
    door.tokens.free.clear()
    waiting = [asyncio.create_task(door.status(new_token())) for _ in range(5)]
    await asyncio.sleep(0.05)
    assert await door.status(new_token()) == 503
    assert await door.status(token) == 200
    door.tokens.free.set()
    assert set(await asyncio.gather(*waiting)) == {401}


async def test_wrong_tokens_and_right_ones_are_remembered_up_to_a_bound(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authenticator, "KNOWN_MAX", 10)
    tokens = [door.add(f"n{number}") for number in range(30)]
    for token in tokens:
        assert await door.status(token) == 200
        assert await door.status(new_token()) == 401
    assert len(door.authenticator._known) == len(door.authenticator._refused) == 10
    assert all(door.known(token) is not None for token in tokens[-10:])
    assert all([await door.status(token) == 200 for token in tokens])


async def test_a_wrong_token_again_does_not_ask_the_store_again(door: Door) -> None:
    token = new_token()
    assert [await door.status(token) for _ in range(20)] == [401] * 20
    assert door.tokens.asked == 1
    assert door.failures == {"unknown": 20}


async def test_a_flood_of_wrong_tokens_is_a_line_in_the_log_and_no_token_is_in_it(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    tokens = [new_token() for _ in range(200)]
    for token in tokens:
        await door.status(token)
    lines = [record.getMessage() for record in caplog.records if record.name == "api.auth.authenticator"]
    assert lines == ["a caller from 203.0.113.9:4711 was not let in: unknown"]
    door.moved += LOG_SECONDS
    await door.status(tokens[0])
    assert caplog.records[-1].getMessage() == "a caller from 203.0.113.9:4711 was not let in: unknown (and 199 more)"
    assert not any(token in caplog.text or token_hash(token) in caplog.text for token in tokens)


async def test_a_fault_of_the_store_is_told_without_its_detail(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def burst(hash: str) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(door.tokens, "by_hash", burst)
    with pytest.raises(Problem) as problem:
        await door.caller(new_token())
    assert problem.value.status == 503
    assert "secret" not in problem.value.detail


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, "missing"), (b"", "malformed"), (b"Bearer", "malformed"), (b"Bearer ", "malformed"), (b"Bearer  \t", "malformed"),
        (b"Basic dXNlcjpwYXNz", "malformed"), (b"Bearer a b", "malformed"), (b"Bearer caf\xc3\xa9", "malformed"),
        (b"Bearer \x00", "malformed"),
        (b"Bearer " + b"x" * 8_193, "malformed"), (b"Bearer " + b"x" * 8_192, "unknown"), (b"bearer x", "unknown"),
        (b"BEARER  x ", "unknown"),
    ],
)  # fmt: skip
async def test_what_is_no_token_is_refused_for_its_reason(door: Door, header: bytes | None, reason: str) -> None:
    assert door.authenticator.known(header) is None
    with pytest.raises(Problem) as problem:
        await door.authenticator.identify(header, PEER)
    assert problem.value.status == 401
    assert door.failures == {reason: 1}
