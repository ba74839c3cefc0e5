"""``python -m deploy.local.solo_api`` puts a configuration folder in force in a solo system's log and then serves the API.

One process does both, because each process that compiles definitions loads the same programs for more than a second.
"""

import pathlib
import sys

import click

from api.server import main as serve
from deploy.local.releases import publish, read_folder
from foundation.refusal import Refusal
from foundation.settings import Settings, read_settings
from pipeline.log.log_folder import INPUT, LOGS, close_writers, writer_of


def put_in_force(settings: Settings, config: pathlib.Path, replace: bool) -> int:
    """Appends the definitions of the folder `config` to the log while no engine runs; gives the release in force.

    Args:
        replace: whether they replace a release that is in force already.

    Raises:
        Refusal: the folder is not valid, or a system runs already in the folder of `settings`.
    """
    folder = settings.path(*LOGS)
    texts = read_folder(config)
    try:
        writer_of(folder, INPUT)
        return publish(settings, texts, replace)
    finally:
        close_writers(folder)


@click.command()
@click.option("--config", type=click.Path(path_type=pathlib.Path), required=True)
@click.option("--replace", is_flag=True)
def main(config: pathlib.Path, replace: bool) -> None:
    """Serves until TERM or Ctrl-C; ends with status 2 and a message if the configuration is refused."""
    settings = read_settings()
    try:
        release = put_in_force(settings, config, replace)
    except Refusal as refusal:
        print(f"weir: {refusal}", file=sys.stderr)
        sys.exit(2)
    print(f"release {release} is in force", file=sys.stderr)
    serve()


if __name__ == "__main__":
    main()
