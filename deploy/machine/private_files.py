"""Folders and files that only their owner may enter or read, whatever the process's umask is."""

import os
import pathlib
import secrets
import stat

from foundation.refusal import Refusal

FOLDER_MODE = 0o700
FILE_MODE = 0o600
UMASK = 0o077
"""Of each process that is started: what it makes is its owner's alone."""


def make_private_folder(folder: pathlib.Path) -> None:
    """Makes `folder`, or closes it to others when it is there: what is below it is closed with it.

    Raises:
        Refusal: it belongs to somebody else, or is a place that everybody shares.
    """
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    mode = folder.stat().st_mode
    if mode & stat.S_ISVTX:
        raise Refusal(
            "a shared folder",
            where=str(folder),
            expected="a folder of the system's own",
            got="one that everybody may write to",
            remedy="name a folder below it (WEIR_FOLDER, or --folder)",
        )
    if mode & UMASK == 0:
        return
    try:
        folder.chmod(FOLDER_MODE)
    except PermissionError as error:
        raise Refusal(
            "others may enter the folder",
            where=str(folder),
            expected="a folder that only you may enter",
            got=stat.filemode(mode),
            remedy=f"its owner runs `chmod 700 {folder}`",
        ) from error


def write_private(file: pathlib.Path, content: str | bytes) -> None:
    """Writes `content` to `file`, at once and whole; nobody else may read it at any moment."""
    half = file.with_name(f".{file.name}.{os.getpid()}")
    half.unlink(missing_ok=True)
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(handle, "wb") as out:
        out.write(content.encode() if isinstance(content, str) else content)
    half.replace(file)


def secret_in(file: pathlib.Path) -> str:
    """The secret that `file` holds; a random one of 256 bits is made where there is no file."""
    if not file.exists():
        make_private_folder(file.parent)
        write_private(file, secrets.token_urlsafe(32) + "\n")
    return file.read_text().strip()


def openness(folder: pathlib.Path) -> str:
    """How others may get into `folder`, as `ls -l` shows it; empty when they may not, or when it is not there."""
    if not folder.exists():
        return ""
    mode = folder.stat().st_mode
    return stat.filemode(mode) if mode & UMASK else ""
