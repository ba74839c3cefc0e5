"""Makes folders and files that only their owner may enter or read, whatever the umask of the process is."""

import os
import pathlib
import secrets
import stat

from foundation.refusal import Refusal

FOLDER_MODE = 0o700
FILE_MODE = 0o600
UMASK = 0o077
"""The umask of each process that is started, so that only the owner can read the files that it makes."""


def make_private_folder(folder: pathlib.Path) -> None:
    """Makes `folder`, or closes an existing one to other users; everything below it is then closed to them too.

    Raises:
        Refusal: another user owns it, everybody may write to it, or nothing can be written there.
    """
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, str(error)) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable(folder, "one that this user may not write to, or that is on a read-only disk")
    mode = folder.stat().st_mode
    if mode & stat.S_ISVTX:
        raise Refusal(
            "the folder is shared",
            where=str(folder),
            expected="a folder that only this system uses",
            got="a folder that everybody may write to",
            remedy="choose a folder below it with WEIR_FOLDER or --folder",
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
            remedy=f"run as its owner: chmod 700 {folder}",
        ) from error


def _unwritable(folder: pathlib.Path, got: str) -> Refusal:
    expected, remedy = "a folder that can be written to", "choose another folder with WEIR_FOLDER or --folder"
    return Refusal("the folder cannot be written", where=str(folder), expected=expected, got=got, remedy=remedy)


def write_private(file: pathlib.Path, content: str | bytes) -> None:
    """Writes `content` to `file` atomically; other users cannot read it at any time."""
    half = file.with_name(f".{file.name}.{os.getpid()}")
    half.unlink(missing_ok=True)
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(handle, "wb") as out:
        out.write(content.encode() if isinstance(content, str) else content)
    half.replace(file)


def secret_in(file: pathlib.Path) -> str:
    """The secret in `file`; if the file does not exist, it is made with a random secret of 256 bits."""
    if not file.exists():
        make_private_folder(file.parent)
        write_private(file, secrets.token_urlsafe(32) + "\n")
    return file.read_text().strip()


def openness(folder: pathlib.Path) -> str:
    """The mode of `folder`, as `ls -l` shows it, if other users may get into it; '' if they may not, or if it does not exist."""
    if not folder.exists():
        return ""
    mode = folder.stat().st_mode
    return stat.filemode(mode) if mode & UMASK else ""
