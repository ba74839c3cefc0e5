import pathlib
import stat

import pytest

from api.token import Guard, find_token, read_token
from features.refusal import Refusal
from pipeline.settings import Settings


def test_a_token_is_made_once_and_only_its_owner_may_read_it(tmp_path: pathlib.Path) -> None:
    settings = Settings(folder=str(tmp_path / "new"))
    token = find_token(settings, {})
    assert len(token) >= 32
    assert find_token(settings, {}) == token
    assert stat.S_IMODE((tmp_path / "new" / "token").stat().st_mode) == 0o600


def test_the_environment_goes_before_the_file(tmp_path: pathlib.Path) -> None:
    (tmp_path / "given").write_text("the-token-of-the-file\n")
    settings = Settings(token_file=str(tmp_path / "given"))
    assert find_token(settings, {"WEIR_TOKEN": "from-the-environment"}) == "from-the-environment"
    assert find_token(settings, {}) == "the-token-of-the-file"


def test_a_short_token_is_refused_without_being_shown() -> None:
    with pytest.raises(Refusal) as refused:
        Guard("hunter2")
    assert "hunter2" not in str(refused.value)


def test_a_token_file_that_cannot_be_read_is_named(tmp_path: pathlib.Path) -> None:
    with pytest.raises(Refusal, match="not readable"):
        find_token(Settings(token_file=str(tmp_path)), {})


def test_reading_a_token_makes_none(tmp_path: pathlib.Path) -> None:
    with pytest.raises(Refusal, match="not readable"):
        read_token(Settings(folder=str(tmp_path)), {})
    assert list(tmp_path.iterdir()) == []
    assert read_token(Settings(folder=str(tmp_path)), {"WEIR_TOKEN": "from-the-environment"}) == "from-the-environment"
