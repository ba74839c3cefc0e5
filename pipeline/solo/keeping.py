"""Old records of the logs that no engine writes are removed here, beside the side jobs."""

import logging
import pathlib
import threading

from foundation.age_clock import AgeClock
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.log.log_folder import COMPACTED, INBOX, LOGS, SIDE, close_writer, writer_of
from pipeline.log.writer import LogWriter

log = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
DAY_MS = 86_400_000
AGE = ("solo", "side-age")


def keep_within(writer: LogWriter, settings: Settings, now_ms: int, needed_from: int | None = None) -> list[pathlib.Path]:
    """Removes segments of a log that are older than `log_kept_days` or beyond `log_bytes_max`; gives their files.

    Args:
        needed_from: see `LogWriter.keep`.
    """
    removed = writer.keep(now_ms - settings.log_kept_days * DAY_MS, settings.log_bytes_max, COMPACTED, needed_from)
    for path in removed:
        log.info("the segment %s of the log is removed, because it is older or more than is kept", path)
    return removed


class Keeping:
    """Looks after the logs of the side jobs and of commands, once a minute.

    Args:
        settings: say how much is kept.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._age = AgeClock(settings.path(*AGE))
        self._stopping = threading.Event()

    def run(self) -> None:
        """Returns once `stop` was called."""
        while not self._stopping.wait(LOOK_SECONDS):
            self.step()

    def stop(self) -> None:
        """Ends `run`."""
        self._stopping.set()

    def step(self) -> None:
        """Removes what is to go now. The inbox is left alone while a command writes to it, or where there is none."""
        folder, now_ms = self._settings.path(*LOGS), self._age.now_ms()
        keep_within(writer_of(folder, SIDE), self._settings, now_ms)
        if not (folder / INBOX).exists():
            return
        try:
            keep_within(writer_of(folder, INBOX), self._settings, now_ms)
        except Refusal as refusal:
            log.info("the inbox is looked after the next time: %s", refusal)
        finally:
            close_writer(folder, INBOX)
