"""The second block of the README, from a clean clone on a machine that has neither Java nor Maven: it ends with a decision."""

import os
import pathlib
import re
import shutil
import signal
import subprocess

import msgspec
import pytest

from deploy.machine.jars import PROJECT
from deploy.machine.ports import free_ports

pytestmark = [pytest.mark.integration, pytest.mark.system]

OF_JAVA = re.compile(r"java|jar|jdk|jps|jcmd|jshell|mvn|gradle|keytool")
SECONDS_MAX = 900
UP = "Ctrl-C stops everything"


def commands() -> list[str]:
    """The commands of the block, each with its further lines."""
    blocks = re.findall(r"```console\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    [block] = [block for block in blocks if "$ weir serve" in block]
    said = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [_command(each) for each in said]


def _command(said: str) -> str:
    """Without the answer: the command goes on while a quote is open."""
    lines = said.splitlines()
    for count in range(1, len(lines) + 1):
        text = "\n".join(lines[:count])
        if text.count("'") % 2 == 0:
            return text
    raise AssertionError(said)


@pytest.fixture
def programs(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder of all programs of this machine but those of Java."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for place in os.environ["PATH"].split(":"):
        for program in pathlib.Path(place).iterdir() if pathlib.Path(place).is_dir() else ():
            if not OF_JAVA.match(program.name) and not (folder / program.name).exists():
                (folder / program.name).symlink_to(program.absolute())
    return folder


def test_a_clean_clone_without_java_answers_with_a_decision(tmp_path: pathlib.Path, programs: pathlib.Path) -> None:
    subprocess.run(["git", "clone", "-q", str(PROJECT), str(tmp_path / "weir")], check=True)
    [port] = free_ports(1)
    names = ("JAVA_HOME", "VIRTUAL_ENV", "PYTHONPATH", "JDK_JAVA_OPTIONS")
    environment = {name: value for name, value in os.environ.items() if name not in names and not name.startswith("WEIR_")}
    environment |= {"PATH": str(programs), "WEIR_API_PORT": str(port)}
    assert shutil.which("java", path=str(programs)) is None
    install, serve, ask = commands()
    script = (
        f"set -e\n{install}\n{serve} > served 2>&1 &\nserving=$!\n"
        f"until grep -q '{UP}' served; do kill -0 $serving || {{ cat served >&2; exit 1; }}; sleep 0.2; done\n"
        f"{ask.replace('localhost:18000', f'localhost:{port}')}\nkill $serving; wait $serving\n"
    )
    with (tmp_path / "said").open("wb") as said:
        shell = subprocess.Popen(
            ["bash", "-c", script], cwd=tmp_path / "weir", env=environment, stdout=subprocess.PIPE, stderr=said, start_new_session=True
        )
        try:
            answer, _ = shell.communicate(timeout=SECONDS_MAX)
        finally:
            if shell.poll() is None:
                os.killpg(shell.pid, signal.SIGTERM)
    assert shell.returncode == 0, (tmp_path / "said").read_text()
    decision = msgspec.json.decode(answer.splitlines()[-1])
    assert decision["event_id"] == "1"
    assert decision["action"] in ("approve", "review", "block")
    assert "degraded" not in decision["flags"]
