import pathlib
import stat

import pytest
from databases_of_a_test import database_in

from api.auth.token import OWNER, find_token, install_owner, read_token, token_made_now
from foundation.refusal import Refusal
from foundation.settings import Settings
from stores.relational.tokens import RelationalTokens
from stores.tokens import StoredToken, token_hash


def test_a_token_is_made_once_and_only_its_owner_may_read_it(tmp_path: pathlib.Path) -> None:
    settings = Settings(folder=str(tmp_path / "new"))
    token = find_token(settings, {})
    assert len(token) >= 32
    assert find_token(settings, {}) == token
    assert stat.S_IMODE((tmp_path / "new" / "token").stat().st_mode) == 0o600


def test_a_token_is_told_of_at_the_start_that_made_it_and_never_again(tmp_path: pathlib.Path) -> None:
    settings = Settings(folder=str(tmp_path))
    token = token_made_now(settings, {})
    assert token == read_token(settings, {}) != ""
    assert token_made_now(settings, {}) == token_made_now(settings, {"WEIR_TOKEN": "from-the-environment"}) == ""


def test_the_environment_goes_before_the_file(tmp_path: pathlib.Path) -> None:
    (tmp_path / "given").write_text("the-token-of-the-file\n")
    settings = Settings(token_file=str(tmp_path / "given"))
    assert find_token(settings, {"WEIR_TOKEN": "from-the-environment"}) == "from-the-environment"
    assert find_token(settings, {}) == "the-token-of-the-file"


def test_a_short_token_is_refused_without_being_shown(tmp_path: pathlib.Path) -> None:
    with pytest.raises(Refusal) as refused:
        install_owner(RelationalTokens(database_in(tmp_path)), "hunter2", 1)
    assert "hunter2" not in str(refused.value)


def test_the_owners_token_is_kept_as_a_hash_and_another_takes_its_place(tmp_path: pathlib.Path) -> None:
    tokens = RelationalTokens(database_in(tmp_path))
    assert install_owner(tokens, "the-first-token-of-all", 1)
    assert not install_owner(tokens, "the-first-token-of-all", 2)
    first = StoredToken(OWNER, token_hash("the-first-token-of-all"), ("admin",), OWNER, 1)
    assert tokens.all() == [first]
    assert install_owner(tokens, "the-second-token-of-all", 3)
    assert tokens.by_hash(first.hash) is None
    assert b"the-first-token" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_an_owner_that_was_revoked_stays_so_until_another_token_is_given(tmp_path: pathlib.Path) -> None:
    tokens = RelationalTokens(database_in(tmp_path))
    install_owner(tokens, "the-first-token-of-all", 1)
    tokens.revoke(OWNER, 2)
    assert not install_owner(tokens, "the-first-token-of-all", 3)
    revoked = tokens.by_name(OWNER)
    assert revoked is not None
    assert revoked.revoked_at_ms == 2
    assert install_owner(tokens, "the-second-token-of-all", 4)


def test_a_token_of_somebody_else_cannot_become_the_owners(tmp_path: pathlib.Path) -> None:
    tokens = RelationalTokens(database_in(tmp_path))
    tokens.add(StoredToken("payments", token_hash("the-token-of-payments"), ("system",), OWNER, 1))
    with pytest.raises(Refusal, match="payments"):
        install_owner(tokens, "the-token-of-payments", 2)


def test_a_token_file_that_cannot_be_read_is_named(tmp_path: pathlib.Path) -> None:
    with pytest.raises(Refusal, match="the token cannot be read"):
        find_token(Settings(token_file=str(tmp_path)), {})


def test_reading_a_token_makes_none(tmp_path: pathlib.Path) -> None:
    with pytest.raises(Refusal, match="the token cannot be read"):
        read_token(Settings(folder=str(tmp_path)), {})
    assert list(tmp_path.iterdir()) == []
    assert read_token(Settings(folder=str(tmp_path)), {"WEIR_TOKEN": "from-the-environment"}) == "from-the-environment"
