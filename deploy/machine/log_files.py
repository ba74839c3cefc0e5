"""Logs of processes, which have an end: the newest lines stay."""

import contextlib
import pathlib
import shutil

BYTES_MAX = 16_777_216


def set_aside(log: pathlib.Path, bytes_max: int = BYTES_MAX) -> None:
    """Before a process opens `log`: one of more than `bytes_max` becomes ``<name>.1``, in place of the one before."""
    if _size(log) > bytes_max:
        log.replace(_older(log))


def cut(log: pathlib.Path, bytes_max: int = BYTES_MAX) -> None:
    """While a process appends to `log`: what is in it is copied to ``<name>.1`` and cut off once it is more than `bytes_max`.

    A line that is written between the two may be lost. Where the disk has no room for the copy, the log is cut off without one.
    """
    if _size(log) <= bytes_max:
        return
    older = _older(log)
    older.unlink(missing_ok=True)
    try:
        shutil.copyfile(log, older)
    except OSError:
        older.unlink(missing_ok=True)
    with contextlib.suppress(OSError), log.open("r+b") as file:
        file.truncate(0)


def _older(log: pathlib.Path) -> pathlib.Path:
    return log.with_name(f"{log.name}.1")


def _size(log: pathlib.Path) -> int:
    try:
        return log.stat().st_size
    except FileNotFoundError:
        return 0
