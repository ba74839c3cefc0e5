"""What the store of tokens keeps to, in each database of `PLACES`."""

import concurrent.futures
import contextlib
from collections.abc import Iterator

import msgspec
import pytest
from databases_of_a_test import PLACES

from foundation.refusal import Refusal
from stores.relational.database import Database
from stores.relational.tokens import RelationalTokens
from stores.tokens import StoredToken, Tokens, new_token, token_hash


@pytest.fixture(params=PLACES)
def store(request: pytest.FixtureRequest) -> Iterator[Tokens]:
    with contextlib.closing(Database(PLACES[request.param](request))) as database:
        yield RelationalTokens(database)


def token(name: str, text: str = "", roles: tuple[str, ...] = ("system",), expires_at_ms: int | None = None) -> StoredToken:
    return StoredToken(name, token_hash(text or f"text of {name}"), roles, "owner", 1_000, expires_at_ms)


def test_a_token_is_found_by_its_hash_and_comes_back_whole(store: Tokens) -> None:
    one = token("payments", roles=("system", "reader"), expires_at_ms=1 << 45)
    assert store.add(one)
    assert store.by_hash(one.hash) == store.by_name("payments") == one
    assert store.by_hash(token_hash("another")) is None
    assert store.by_name("another") is None


def test_a_name_and_a_hash_are_given_once(store: Tokens) -> None:
    first = token("payments")
    assert store.add(first)
    assert not store.add(token("payments", "another text"))
    assert not store.add(token("another", "text of payments"))
    assert store.all() == [first]
    assert store.by_hash(token_hash("another text")) is None


def test_a_revoked_token_says_since_when_and_keeps_its_name(store: Tokens) -> None:
    one = token("payments")
    store.add(one)
    assert store.revoke("payments", 2_000) == msgspec.structs.replace(one, revoked_at_ms=2_000)
    assert store.revoke("payments", 3_000) == store.by_hash(one.hash) == msgspec.structs.replace(one, revoked_at_ms=2_000)
    assert store.revoke("nobody", 2_000) is None
    assert not store.add(token("payments", "another text"))


def test_a_token_that_is_replaced_is_found_no_more(store: Tokens) -> None:
    first, second, third = token("owner", "first"), token("owner", "second", ("admin",)), token("owner", "third")
    store.replace(first)
    store.revoke("owner", 2_000)
    store.replace(second)
    assert store.by_hash(first.hash) is None
    assert store.by_hash(second.hash) == second
    store.replace(third)
    assert store.all() == [third]


def test_the_token_of_another_name_is_not_taken_over(store: Tokens) -> None:
    store.add(token("payments"))
    with pytest.raises(Refusal, match="payments"):
        store.replace(token("owner", "text of payments"))
    assert [each.name for each in store.all()] == ["payments"]


def test_all_are_listed_by_name(store: Tokens) -> None:
    for name in ("c", "a", "b", "B"):
        store.add(token(name))
    assert [each.name for each in store.all()] == ["B", "a", "b", "c"]


def test_of_many_that_want_a_name_at_once_one_gets_it(store: Tokens) -> None:
    tokens = [token("payments", new_token()) for _ in range(12)]
    with concurrent.futures.ThreadPoolExecutor(12) as threads:
        given = list(threads.map(store.add, tokens))
    assert sum(given) == 1
    assert store.all() == [tokens[given.index(True)]]
    assert [store.by_hash(each.hash) is not None for each in tokens] == given


def test_two_new_tokens_are_never_alike_and_known_for_ours() -> None:
    made = {new_token() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(each.startswith("weir_") and len(each) == 48 for each in made)
