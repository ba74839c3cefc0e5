"""The example of the page about tests of a configuration runs as the page has it."""

import os
import pathlib
import re
import subprocess
import sys

import pytest
from getting_started import consoles

pytestmark = pytest.mark.slow

PROJECT = pathlib.Path(__file__).parents[2]
PAGE = PROJECT / "docs" / "testing-a-configuration.md"


def test_the_tests_on_the_page_pass_on_the_configuration_of_getting_started(tmp_path: pathlib.Path) -> None:
    for command, _ in consoles(3):
        subprocess.run(["bash", "-ec", command], cwd=tmp_path, check=True)
    [example] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "test_shop.py").write_text(example)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_shop.py"]
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert f"{example.count('def test_')} passed" in run.stdout, run.stdout + run.stderr


def test_every_method_that_the_page_names_is_there() -> None:
    from weir.testing import System

    named = set(re.findall(r"`system\.(\w+)", PAGE.read_text())) - {"client"}
    assert named <= set(dir(System))
    assert {"decide", "decision", "records", "advance", "label", "put", "now", "now_ms"} <= named
