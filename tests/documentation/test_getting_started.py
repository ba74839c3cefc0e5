"""The first ten minutes go as their page says: its commands are run, and give what it shows."""

import os
import pathlib
import re
import subprocess
import sys

import pytest
from getting_started import consoles, sections

pytestmark = pytest.mark.slow

PROJECT = pathlib.Path(__file__).parents[2]
OWN_SPEED = re.compile(r"^(rate|compiling) .*$", re.MULTILINE)
"""What differs from machine to machine."""


def said_by(command: str, folder: pathlib.Path) -> str:
    environment = {**os.environ, "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(["bash", "-ec", command], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (command, done.stderr)
    return plain(done.stdout)


def plain(text: str) -> str:
    """Without what differs from machine to machine, and without blanks at the ends of lines."""
    return "\n".join(line.rstrip() for line in OWN_SPEED.sub("", text).strip().splitlines())


def test_the_steps_that_need_no_server_show_what_the_page_shows(tmp_path: pathlib.Path) -> None:
    steps = [command for step in (3, 4, 5) for command in consoles(step)]
    assert len(steps) >= 8
    for command, shown in steps:
        said = said_by(command, tmp_path)
        if shown and not command.startswith("weir features"):
            assert said == plain(shown), command


def test_a_mistake_is_named_with_its_place_as_the_page_shows(tmp_path: pathlib.Path) -> None:
    for command, _ in consoles(3):
        said_by(command, tmp_path)
    policy = tmp_path / "shop" / "policy.yaml"
    policy.write_text(policy.read_text().replace("action: approve}, {below", "action: aprove}, {below"))
    done = subprocess.run(
        [str(pathlib.Path(sys.executable).parent / "weir"), "check", "shop"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    [shown] = re.findall(r"```console\n(weir: .*?)\n```", sections()[4])
    assert done.returncode == 2
    assert shown in done.stderr
