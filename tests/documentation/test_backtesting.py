"""The page about backtests shows what its commands give."""

import pathlib
import re

import pytest
from shown_commands import said_by

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
    status, said, errors = said_by(command, tmp_path)
    assert status == 0, errors
    assert said.strip().splitlines() == shown.splitlines()
