"""Settings and commands are documented."""

import click
import pytest

from deploy.command import main
from deploy.commands.settings_page import meanings, settings_page
from foundation.settings import Settings


@pytest.mark.parametrize("name", Settings.__struct_fields__)
def test_every_setting_is_documented(name: str) -> None:
    assert len(meanings().get(name, "")) > 10, f"the docstring of Settings says nothing of {name}"
    assert f"WEIR_{name.upper()} " in settings_page()


def test_no_setting_is_documented_that_does_not_exist() -> None:
    assert set(meanings()) == set(Settings.__struct_fields__)


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_and_option_has_a_help_text(name: str) -> None:
    command = main.commands[name]
    assert command.help
    assert [option.name for option in command.params if isinstance(option, click.Option) and not option.help] == []
