"""Values of options that several commands read in the same way."""

import datetime
import pathlib
from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
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


def labels_of_events(command: Command) -> Command:
    """Adds the options that say where the labels of recorded EVENTS are: ``labels``, ``label_column`` and ``label_delay``."""
    options = (
        click.option(
            "--labels", type=EXISTING_FILE, help="File with event_id, label (0 or 1), label_time and, if event ids are not unique, user."
        ),
        click.option("--label-column", default="", help="Column of EVENTS that holds the label; it is removed before the event is scored."),
        click.option(
            "--label-delay", callback=as_duration_ms, default="7d", show_default=True, help="Time from event to label, with --label-column."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command
