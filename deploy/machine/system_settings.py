"""The folder of a system says what carries its events, so that commands on it need not be told."""

import os
from collections.abc import Mapping

import msgspec

from foundation.refusal import Refusal
from foundation.settings import Settings, read_settings
from pipeline.log.log_folder import INPUT, LOGS

FILE = "runtime"
"""This file of the folder holds the setting `runtime` of the system that was started in it last."""
RUNTIMES = ("flink", "solo")


def note_runtime(settings: Settings) -> None:
    """Writes into the folder, which is there, what carries the events of its system."""
    settings.path(FILE).write_text(f"{settings.runtime}\n")


def system_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Reads settings as `read_settings` does; where they do not name a runtime, it is that of the system in their folder.

    Args:
        environment: the variables; by default those of this process.

    Raises:
        Refusal: a setting has a bad value, or the folder names a runtime that there is not.
    """
    variables = dict(os.environ if environment is None else environment)
    settings = read_settings(variables)
    found = "" if "WEIR_RUNTIME" in variables else _runtime_of_folder(settings)
    return msgspec.structs.replace(settings, runtime=found) if found else settings


def _runtime_of_folder(settings: Settings) -> str:
    """The runtime of the system in the folder, '' where none has been started; systems of earlier versions are known by their log."""
    file = settings.path(FILE)
    try:
        found = file.read_text().strip()
    except FileNotFoundError:
        return "solo" if settings.path(*LOGS, INPUT).exists() else ""
    except (OSError, UnicodeError) as error:
        raise _refused(str(file), str(error)) from error
    if found not in RUNTIMES:
        raise _refused(str(file), repr(found))
    return found


def _refused(file: str, got: str) -> Refusal:
    remedy = "start the system again, which writes this file, or set WEIR_RUNTIME"
    return Refusal("unknown runtime", where=file, expected=" or ".join(RUNTIMES), got=got, remedy=remedy)
