"""Takes in what other processes append to logs as soon as they have, for all that read these logs in this process."""

import contextlib
import threading
import time
from collections import Counter

from foundation.refusal import Refusal
from pipeline.log.folder_changes import FolderChanges
from pipeline.log.segments import Segments

PAUSE_SECONDS = 0.05
"""How long the watch sleeps after it has seen a change, so that a thousand writes a second are twenty looks."""


class LogWatch:
    """Watches the folders of logs in a thread, which runs while there is one to watch. Any thread may call it."""

    def __init__(self) -> None:
        self._one = threading.Lock()
        self._watched: Counter[Segments] = Counter()
        self._changes: FolderChanges | None = None

    def add(self, segments: Segments) -> bool:
        """Has `segments` refreshed after each change of their folder, which need not be there yet.

        Returns False where changes cannot be watched, so that who waits has to look by itself. `remove` ends it in either case.
        """
        with self._one:
            self._watched[segments] += 1
            try:
                if self._changes is None:
                    self._begin()
                self._cover(segments)
            except OSError:
                return False
            return True

    def remove(self, segments: Segments) -> None:
        """Takes one call of `add` back; the thread ends after the last one."""
        with self._one:
            self._watched[segments] -= 1
            self._watched += Counter()  # forgets what is not watched any more
            if not self._watched and self._changes is not None:
                self._changes.interrupt()
                self._changes = None

    def _begin(self) -> None:
        self._changes = FolderChanges()
        threading.Thread(target=self._run, args=(self._changes,), name="log-watch", daemon=True).start()

    def _cover(self, segments: Segments) -> None:
        """Watches the folder of a log; while it is missing, the one that it will be made in.

        Raises:
            OSError: neither can be watched.
        """
        assert self._changes is not None
        try:
            self._changes.add(segments.folder)
        except FileNotFoundError:
            self._changes.add(segments.folder.parent)

    def _run(self, changes: FolderChanges) -> None:
        while True:
            changes.wait()
            with self._one:
                if self._changes is not changes:
                    break
                watched = list(self._watched)
                for segments in watched:
                    with contextlib.suppress(OSError):
                        self._cover(segments)
            for segments in watched:
                _refresh(segments)
            time.sleep(PAUSE_SECONDS)
        changes.close()


def _refresh(segments: Segments) -> None:
    """Takes in what is new; whoever reads a damaged log finds that out by a look of its own."""
    try:
        segments.refresh()
    except (OSError, Refusal):
        segments.ring_all()
