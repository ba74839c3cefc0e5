"""`weir serve` runs a solo system until Ctrl-C."""

import pathlib

import msgspec

from api.auth.token import token_file
from deploy.commands.running import run_until_interrupted
from deploy.local.solo_stack import SoloStack
from deploy.machine.saying import StandardOutput
from foundation.settings import Settings, read_settings


def serve_until_interrupted(config: pathlib.Path, folder: pathlib.Path | None, replace: bool) -> None:
    """Starts the system, restarts processes that end, and stops everything at Ctrl-C or TERM.

    Args:
        config: the configuration folder.
        folder: the folder of the system; None means that of the settings.
        replace: whether `config` is put in force in any case; otherwise it is only if there is no release yet, so that changes over HTTP
            outlive a restart.

    Raises:
        Refusal: the configuration is not valid, the folder is in use, or a process does not come up.
    """
    settings = solo_settings(read_settings(), folder)
    run_until_interrupted(settings, lambda: SoloStack(settings, config, StandardOutput().say, replace=replace), _where)


def solo_settings(settings: Settings, folder: pathlib.Path | None = None) -> Settings:
    """`settings` of a solo system in `folder`, by default in theirs."""
    return msgspec.structs.replace(settings, runtime="solo", folder=str((folder or settings.path()).absolute()))


def _where(settings: Settings) -> str:
    return (
        f"api     http://{settings.api_address()}/v1  (token in {token_file(settings)})\n"
        f"log     {settings.path('solo', 'log')}\n"
        f"logs    {settings.path('logs')}"
    )
