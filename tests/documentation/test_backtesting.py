"""The page about backtests shows what its commands give."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

PROJECT = pathlib.Path(__file__).parents[2]
PAGE = (PROJECT / "docs" / "backtesting.md").read_text()


def test_the_backtest_of_the_page_shows_what_the_page_shows(tmp_path: pathlib.Path) -> None:
    for name, text in re.findall(r"```yaml\n# (\S+\.yaml)\n(.*?)```", PAGE, re.DOTALL):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    [events] = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "payments.csv").write_text(events)
    [(command, shown)] = re.findall(r"```console\n\$ (weir backtest [^\n]*)\n(.*?)\n```", PAGE, re.DOTALL)
    weir = pathlib.Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{weir}:{os.environ['PATH']}", "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(["bash", "-ec", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines() == shown.splitlines()
