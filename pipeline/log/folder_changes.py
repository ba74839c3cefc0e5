"""Tells that files of some folders were written to, by inotify of Linux, which costs nothing while nobody writes.

The wrappers of inotify in Python look for the C library by starting programs, and make an object of each event, of which nothing
is asked here but that there was one.
"""

import contextlib
import ctypes
import os
import pathlib
import select

_libc = ctypes.CDLL(None, use_errno=True)
_IN_MODIFY, _IN_MOVED_TO, _IN_CREATE = 0x2, 0x80, 0x100
_READ_BYTES = 1 << 16


class FolderChanges:
    """Waits for changes of the folders that were added.

    Raises:
        OSError: this system has no inotify, or no more of it.
    """

    def __init__(self) -> None:
        try:
            init, self._add_watch = _libc.inotify_init1, _libc.inotify_add_watch
        except AttributeError as error:
            raise OSError("this system has no inotify") from error
        self._changes = init(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._changes < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self._interrupted = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll = select.poll()
        for file in (self._changes, self._interrupted):
            self._poll.register(file, select.POLLIN)

    def add(self, folder: pathlib.Path) -> None:
        """Has changes of the files of `folder` seen from now on; those of folders in it are not.

        Raises:
            OSError: there is no such folder, or there are too many watches.
        """
        if self._add_watch(self._changes, os.fsencode(folder), _IN_MODIFY | _IN_MOVED_TO | _IN_CREATE) < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(folder))

    def wait(self) -> None:
        """Returns once anything has changed since the last call, or `interrupt` was called."""
        self._poll.poll()
        with contextlib.suppress(BlockingIOError):
            os.read(self._changes, _READ_BYTES)
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._interrupted)

    def interrupt(self) -> None:
        """Ends `wait`, from any thread."""
        os.eventfd_write(self._interrupted, 1)

    def close(self) -> None:
        """Sees nothing any more; nobody may wait."""
        os.close(self._changes)
        os.close(self._interrupted)
