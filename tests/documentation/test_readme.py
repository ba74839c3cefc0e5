import pathlib
import re

import pytest

from deploy.command import main
from pipeline.release import PARTS, compile_release

PROJECT = pathlib.Path(__file__).parents[2]
README = (PROJECT / "README.md").read_text()


def yaml_examples() -> dict[str, str]:
    blocks = re.findall(r"```yaml\n# (\w+)\.yaml\n(.*?)```", README, re.DOTALL)
    return dict(blocks)


def test_the_configuration_of_the_readme_compiles() -> None:
    examples = yaml_examples()
    assert set(examples) == set(PARTS)
    release = compile_release(1, examples)
    assert {"spent_24h", "spent_ratio", "at_this_terminal_today"} <= set(release.features.names)


@pytest.mark.parametrize("command", re.findall(r"`weir (\w+)", README))
def test_every_command_of_the_readme_exists(command: str) -> None:
    assert command in main.commands


@pytest.mark.parametrize("path", re.findall(r"\]\((\w+\.md)", README) + re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE))
def test_every_file_that_the_readme_names_is_there(path: str) -> None:
    assert (PROJECT / path).exists()


@pytest.mark.parametrize("target", re.findall(r"^\$ make (\w+)", README, re.MULTILINE))
def test_every_make_target_of_the_readme_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (PROJECT / "Makefile").read_text(), re.MULTILINE)
