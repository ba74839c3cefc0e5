"""A disk of few megabytes that a test can fill and free. For tests only."""

import contextlib
import errno
import os
import pathlib
import subprocess

_PIECE = b"\0" * (1 << 16)


class SmallDisk:
    """Memory that is mounted as a file system on `folder`; where this is not allowed, `refused` says why, and `folder` is an ordinary one.

    Args:
        folder: made where it is missing, and empty.
        size_mb: all of it.
    """

    def __init__(self, folder: pathlib.Path, size_mb: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m,mode=0700", "none", str(folder)]
        try:
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            self.refused = (run.stderr.strip() or f"status {run.returncode}") if run.returncode else ""
        except OSError as error:
            self.refused = str(error)

    def fill(self) -> None:
        """Leaves no byte free. What others free meanwhile is free until the next call."""
        with (self.folder / "ballast").open("ab", buffering=0) as ballast:
            for size in (len(_PIECE), 1 << 12, 1):
                with contextlib.suppress(_FullError):
                    while True:
                        _write(ballast.fileno(), _PIECE[:size])

    def free(self) -> None:
        """Takes away what `fill` has written."""
        (self.folder / "ballast").unlink(missing_ok=True)

    def close(self) -> None:
        """Unmounts it, with everything on it."""
        if not self.refused:
            subprocess.run(["umount", "-l", str(self.folder)], check=True)


class _FullError(Exception):
    pass


def _write(file: int, piece: bytes) -> None:
    try:
        os.write(file, piece)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise _FullError from error
