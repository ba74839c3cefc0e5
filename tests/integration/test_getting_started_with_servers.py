"""Steps 6 to 10 of the page of the first ten minutes, in their order, on the servers that they start."""

import os
import pathlib
import re
import sys
from collections.abc import Iterator

import msgspec
import pytest
from getting_started import consoles
from process_search import processes_about
from score_job_runs import Json, wait_for
from servers_of_a_test import UNHURRIED_MS
from terminal import Foreground, Shell

from deploy.local.stack import free_settings, settings_as_environment
from foundation.settings import Settings

pytestmark = pytest.mark.system

START_SECONDS_MAX = 400.0
STOP_SECONDS_MAX = 240.0
DEADLINES = ("deadline_ms=1000", "deadline_ms=10000")
"""The page's deadline is for a machine that does nothing else."""


@pytest.fixture
def settings(tmp_path: pathlib.Path) -> Settings:
    return free_settings(tmp_path / ".weir", entity_wait_ms=UNHURRIED_MS)


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """The ports are this test's own; the folder is the one that the page has without a setting."""
    python = pathlib.Path(sys.executable).parent
    chosen = {name: value for name, value in settings_as_environment(settings).items() if name != "WEIR_FOLDER"}
    return os.environ | chosen | {"PATH": f"{python}:{os.environ['PATH']}"}


@pytest.fixture
def shell(tmp_path: pathlib.Path, environment: dict[str, str]) -> Iterator[Shell]:
    """A terminal in the folder in which the reader has come to step 6."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    shell = Shell(tmp_path, environment)
    for command, _ in consoles(3):
        shell.say(command)
    yield shell
    shell.close()


def on_ports_of(settings: Settings, text: str) -> str:
    """What the page says, on this system's ports in place of those that it has by itself."""
    own = Settings()
    names = {f"127.0.0.1:{own.api_port}": settings.api_address(), f"127.0.0.1:{own.flink_port}": f"127.0.0.1:{settings.flink_port}"}
    for name, other in {**names, own.bootstrap: settings.bootstrap, DEADLINES[0]: DEADLINES[1]}.items():
        text = text.replace(name, other)
    return text


def plain(text: str) -> list[str]:
    """The lines without times, secrets and the place of the folder, and without what the Kafka client logs."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("%")]
    own = {r"/\S*/\.weir": ".weir", r"weir_\S+": "weir_…", r"link#\S+": "link#…", r"\d+\.\d s": "N s"}
    for pattern, said in own.items():
        lines = [re.sub(pattern, said, line) for line in lines]
    return lines


def answers(said: str) -> list[Json]:
    return [msgspec.json.decode(line) for line in said.splitlines() if line.strip()]


def check_first_decisions(decided: list[Json]) -> None:
    *before, last = decided
    assert [answer["action"] for answer in before] == ["approve"] * 5
    assert last["action"] == "block"
    assert last["score"] > 0.9999
    assert "amount: 950; usual for this customer: 21.48" in last["reasons"]
    assert last["release"] == 1
    assert last["elapsed_ms"] > 0
    assert not any("degraded" in answer["flags"] for answer in decided)


def check_reads(read: list[Json]) -> None:
    """The latest score of the customer, the whole decision, and what to look at."""
    latest, decision, flagged = read
    assert latest["score"] == decision["score"] > 0.9999
    assert decision["event_id"] == "6"
    assert decision["features"]["orders_1h"] == 6.0
    assert decision["contributions"]
    assert "6" in msgspec.json.encode(flagged).decode()


@pytest.mark.parametrize("last_step", [9, pytest.param(10, marks=pytest.mark.long)])
def test_the_steps_with_servers_go_as_the_page_says(tmp_path, settings, environment, shell: Shell, last_step: int) -> None:
    [(up, shown)] = consoles(6)
    with Foreground(up, tmp_path, environment) as system:
        said = system.read_until("it is not shown again", START_SECONDS_MAX)
        assert plain(on_ports_of(settings, said)) == plain(on_ports_of(settings, shown))

        asked = [shell.say(on_ports_of(settings, command)) for command, _ in consoles(7)]
        check_first_decisions([answer for each in asked for answer in answers(each)])

        define, *reads = [on_ports_of(settings, command) for command, _ in consoles(8)]
        shell.say(define)
        wait_for(lambda: all('"status":404' not in shell.say(each) for each in reads), 60, "decisions that cannot be read")
        check_reads([answers(shell.say(each))[0] for each in reads])

        changed = [(shell.say(command), shown) for command, shown in consoles(9)]
        assert [said.strip() for said, shown in changed if shown] == [shown.strip() for _, shown in changed if shown]
        last_answer = answers(changed[-1][0])[-1]
        assert (last_answer["release"], last_answer["action"]) == (2, "review")

        assert system.interrupt(STOP_SECONDS_MAX) == 0
    assert processes_about(tmp_path) == []
    if last_step == 10:
        goes_on_later(tmp_path, environment, shell)


def goes_on_later(folder: pathlib.Path, environment: dict[str, str], shell: Shell) -> None:
    """Step 10, for which everything starts once more."""
    with Foreground("weir up", folder, environment) as again:
        assert "release 2 is in force" in again.read_until("Ctrl-C stops everything", START_SECONDS_MAX)
        assert answers(shell.say("get decisions/16"))[0]["action"] == "review"
        assert again.interrupt(STOP_SECONDS_MAX) == 0
