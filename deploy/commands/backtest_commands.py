"""What `weir backtest` and `weir patterns backtest` do beside the backtest itself."""

import pathlib

import click


def config_of(rules: pathlib.Path) -> pathlib.Path:
    """Returns the configuration folder in whose ``patterns`` the file or folder `rules` stands.

    Raises:
        click.UsageError: it stands in none.
    """
    for folder in (rules.resolve(), *rules.resolve().parents):
        if folder.name == "patterns" and (folder.parent / "schema.yaml").is_file():
            return folder.parent
    raise click.UsageError("give --config: RULES does not stand in the patterns/ of a configuration folder")
