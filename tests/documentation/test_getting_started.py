"""The first ten minutes go as their page says: its commands are run, and give what it shows."""

import os
import pathlib
import re
import sys

import pytest
from getting_started import consoles, sections
from shown_commands import said_by

pytestmark = pytest.mark.slow

OWN_SPEED = re.compile(r"^(rate|compiling) .*$", re.MULTILINE)
"""What differs from machine to machine."""


@pytest.fixture(autouse=True)
def _python_of_this_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}")


def plain(text: str) -> str:
    """Without what differs from machine to machine, and without blanks at the ends of lines."""
    return "\n".join(line.rstrip() for line in OWN_SPEED.sub("", text).strip().splitlines())


def test_the_steps_that_need_no_server_show_what_the_page_shows(tmp_path: pathlib.Path) -> None:
    steps = [command for step in (3, 4, 5) for command in consoles(step)]
    assert len(steps) >= 8
    for command, shown in steps:
        status, said, errors = said_by(command, tmp_path)
        assert status == 0, (command, errors)
        if shown and not command.startswith("weir features"):
            assert plain(said) == plain(shown), command


def test_a_mistake_is_named_with_its_place_as_the_page_shows(tmp_path: pathlib.Path) -> None:
    for command, _ in consoles(3):
        said_by(command, tmp_path)
    policy = tmp_path / "shop" / "policy.yaml"
    policy.write_text(policy.read_text().replace("action: approve}, {below", "action: aprove}, {below"))
    status, _, errors = said_by("weir check shop", tmp_path)
    [shown] = re.findall(r"```console\n(weir: .*?)\n```", sections()[4])
    assert status == 2
    assert shown in errors
