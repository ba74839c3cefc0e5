"""Values of options that several commands read in the same way."""

import datetime
import pathlib

import click

FOLDER = click.Path(path_type=pathlib.Path, file_okay=False)
EXISTING_FOLDER = click.Path(path_type=pathlib.Path, file_okay=False, exists=True)
EXISTING_FILE = click.Path(path_type=pathlib.Path, dir_okay=False, exists=True)


def as_duration_ms(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """Reads a duration such as ``60s`` or ``7d``; gives milliseconds."""
    from foundation.document import read_document

    return read_document(value, parameter.opts[0]).duration_ms() if value else None


def as_moment_ms(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """Reads a time such as ``2026-11-23T12:00:00Z`` or milliseconds since the epoch; gives milliseconds since the epoch."""
    from pipeline.engine.moment import moment_ms

    return moment_ms(value, parameter.opts[0]) if value else None


def as_text(at_ms: int) -> str:
    """Writes a time, ms since the epoch, as the second in UTC, such as ``2026-11-23T12:00:00Z``."""
    return datetime.datetime.fromtimestamp(at_ms / 1_000, datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
