"""The example of the page about tests of a configuration runs as the page has it."""

import pathlib
import re

import pytest
from getting_started import consoles
from shown_commands import said_by

pytestmark = pytest.mark.slow

PROJECT = pathlib.Path(__file__).parents[2]
PAGE = PROJECT / "docs" / "testing-a-configuration.md"


class Passed:
    """A plugin of pytest that counts the tests which pass."""

    def __init__(self) -> None:
        self.count = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.count += report.when == "call" and report.passed


def test_the_tests_on_the_page_pass_on_the_configuration_of_getting_started(tmp_path: pathlib.Path) -> None:
    for command, _ in consoles(3):
        said_by(command, tmp_path)
    [example] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "test_shop.py").write_text(example)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    passed = Passed()
    status = pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "--import-mode=importlib", str(tmp_path)], plugins=[passed])
    assert (status, passed.count) == (pytest.ExitCode.OK, example.count("def test_"))


def test_every_method_that_the_page_names_is_there() -> None:
    from weir.testing import System

    named = set(re.findall(r"`system\.(\w+)", PAGE.read_text())) - {"client"}
    assert named <= set(dir(System))
    assert {"decide", "decision", "records", "advance", "label", "put", "now", "now_ms"} <= named
