"""The owner's token while the stores are away, and when they come back."""

import asyncio
import pathlib

import pytest
from databases_of_a_test import database_in

from api.auth.access import Access, note_found
from api.auth.authenticator import Authenticator
from api.auth.cached_credential import TokenVerifier
from api.auth.owner import Owner
from api.http import retry
from api.http.metrics import ApiMetrics
from api.http.problem import Problem
from foundation.refusal import Refusal
from foundation.settings import Settings
from stores.audit import Entry, Fact
from stores.decisions import StoreUnavailableError
from stores.registry import StoredRelease
from stores.relational.audit import RelationalAudit
from stores.relational.sessions import RelationalSessions
from stores.relational.tokens import RelationalTokens
from stores.tokens import StoredToken, token_hash

TOKEN = "the-token-of-the-owner"
OTHER = "a-token-of-somebody-else"


class Tokens(RelationalTokens):
    """`away` for everything, or after a `replace` is done and before its answer."""

    def __init__(self, folder: pathlib.Path) -> None:
        super().__init__(database_in(folder))
        self.away = True
        self.loses_answers = False

    def by_name(self, name: str) -> StoredToken | None:
        self._require()
        return super().by_name(name)

    def by_hash(self, hash: str) -> StoredToken | None:
        self._require()
        return super().by_hash(hash)

    def replace(self, token: StoredToken) -> None:
        super().replace(token)
        if self.loses_answers:
            self.away = True
            self._require()

    def _require(self) -> None:
        if self.away:
            raise StoreUnavailableError("the test says so")


class Audit(RelationalAudit):
    """As `Tokens`."""

    def __init__(self, folder: pathlib.Path) -> None:
        super().__init__(database_in(folder))
        self.loses_answers = False

    def append(self, fact: Fact) -> Entry:
        entry = super().append(fact)
        if self.loses_answers:
            raise StoreUnavailableError("the test says so")
        return entry


@pytest.fixture
def tokens(tmp_path: pathlib.Path) -> Tokens:
    return Tokens(tmp_path)


@pytest.fixture
def audit(tmp_path: pathlib.Path) -> Audit:
    return Audit(tmp_path)


@pytest.fixture
def owner(tokens: Tokens, audit: Audit) -> Owner:
    return Owner(tokens, audit, TOKEN, lambda: 1.0)


def said(audit: Audit) -> list[str]:
    return [entry.fact().subject for entry in audit.walk()]


async def status(authenticator: Authenticator, token: str) -> int:
    try:
        found = await authenticator.identify(f"Bearer {token}".encode(), "203.0.113.9:4711")
    except Problem as problem:
        return problem.status
    assert found.name == "owner"
    return 200


def opened(tokens: Tokens, audit: Audit, owner: Owner) -> list[TokenVerifier]:
    access = Access(tokens, audit, RelationalSessions(tokens._database), None, owner)
    return access.verifiers(access.keeper(Settings(), lambda: 1.0), lambda: 1.0)


async def test_while_the_store_is_away_the_owners_token_counts_and_no_other(tokens: Tokens, audit: Audit, owner: Owner) -> None:
    now = 0.0
    verifiers = opened(tokens, audit, owner)
    authenticator = Authenticator(verifiers, ApiMetrics().count_rejected, lambda: 1.0, lambda: now)
    assert [await status(authenticator, token) for token in (TOKEN, OTHER, TOKEN[:-1])] == [200, 503, 503]
    tokens.away = False
    owner.keep()
    tokens.revoke("owner", 2)
    now = 10.0
    assert [await status(authenticator, token) for token in (TOKEN, OTHER)] == [401, 401]
    await authenticator.close()


async def test_a_token_that_was_revoked_before_counts_no_more_once_the_store_says_so(tokens: Tokens, audit: Audit, owner: Owner) -> None:
    tokens.away = False
    tokens.replace(StoredToken("owner", token_hash(TOKEN), ("admin",), "owner", 1, revoked_at_ms=2))
    owner.keep()
    verifiers = opened(tokens, audit, owner)
    authenticator = Authenticator(verifiers, ApiMetrics().count_rejected, lambda: 1.0)
    assert await status(authenticator, TOKEN) == 401
    assert said(audit) == []
    await authenticator.close()


async def test_it_is_kept_as_soon_as_the_store_is_there(
    tokens: Tokens, audit: Audit, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "RETRY_SECONDS", 0.001)
    settling = asyncio.create_task(owner.keep_until_done())
    await asyncio.sleep(0.02)
    assert not owner.kept
    tokens.away = False
    await asyncio.wait_for(settling, 5)
    assert (owner.kept, owner.takes(TOKEN)) == (True, False)
    assert said(audit) == ["token owner"]


def test_a_change_whose_answer_was_lost_is_in_the_log_once(tokens: Tokens, audit: Audit, owner: Owner) -> None:
    tokens.away = False
    tokens.loses_answers = True
    with pytest.raises(StoreUnavailableError):
        owner.keep()
    assert said(audit) == []
    tokens.away = False
    audit.loses_answers = True
    with pytest.raises(StoreUnavailableError):
        owner.keep()
    audit.loses_answers = False
    for _ in range(2):
        owner.keep()
    assert said(audit) == ["token owner"]


async def test_a_token_of_somebody_else_ends_the_trying_and_is_no_owners(tokens: Tokens, audit: Audit, owner: Owner) -> None:
    tokens.away = False
    tokens.add(StoredToken("ann", token_hash(TOKEN), ("reader",), "owner", 1))
    with pytest.raises(Refusal, match="the token of ann"):
        Owner(tokens, audit, TOKEN, lambda: 1.0).keep()
    await asyncio.wait_for(owner.keep_until_done(), 5)
    assert not owner.takes(TOKEN)
    assert said(audit) == []


def test_a_token_that_is_too_short_is_refused_at_once(tokens: Tokens, audit: Audit) -> None:
    with pytest.raises(Refusal, match="too short"):
        Owner(tokens, audit, "hunter2", lambda: 1.0)


def test_a_release_found_is_written_down_once_and_others_each(audit: Audit) -> None:
    for id in (1, 2, 1, 2):
        note_found(audit, StoredRelease(id, {"policy": "h"}, "start", 5))
    assert said(audit) == [f"release {id}, found on the control topic" for id in (1, 2)]
