"""Bounds the size of the log files of processes; the newest lines are kept."""

import contextlib
import pathlib
import shutil

BYTES_MAX = 16_777_216


def set_aside(log: pathlib.Path, bytes_max: int = BYTES_MAX) -> None:
    """Renames `log` to ``<name>.1`` if it has more than `bytes_max` bytes; call it before a process opens the log."""
    if _size(log) > bytes_max:
        log.replace(_older(log))


def cut(log: pathlib.Path, bytes_max: int = BYTES_MAX) -> None:
    """Copies `log` to ``<name>.1`` and empties it if it has more than `bytes_max` bytes; a process may append to it meanwhile.

    A line that is written between the two steps may be lost. If the disk has no room for the copy, the log is emptied without one.
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
