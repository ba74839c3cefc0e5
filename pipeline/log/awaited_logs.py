"""The logs for whose new records somebody waits, whoever writes them."""

from collections.abc import Collection, Mapping

from pipeline.log.bell import Ringing
from pipeline.log.log_folder import LOG_WATCH
from pipeline.log.log_watch import LogWatch
from pipeline.log.segments import Segments


class AwaitedLogs:
    """Has new records ring a bell. It is for one thread, that of whoever waits.

    Args:
        bell: is rung.
        watch: sees what other processes write.

    Attributes:
        are_told: whether the records of all these logs ring; where the system does not tell what others write, who waits has to look.
    """

    def __init__(self, bell: Ringing, watch: LogWatch = LOG_WATCH) -> None:
        self.are_told = True
        self._bell = bell
        self._watch = watch
        self._logs: set[Segments] = set()

    def add(self, logs: Mapping[Segments, Collection[str]]) -> bool:
        """Has new records of the topics of `logs` ring from now on; returns whether some did not before, and may have come already."""
        fresh = logs.keys() - self._logs
        for segments in fresh:
            segments.add_bell(self._bell, logs[segments])
            if not segments.has_writer:
                self.are_told &= self._watch.add(segments)
        self._logs |= fresh
        return bool(fresh)

    def clear(self) -> None:
        """Has nothing ring any more."""
        for segments in self._logs:
            segments.remove_bell(self._bell)
            if not segments.has_writer:
                self._watch.remove(segments)
        self._logs, self.are_told = set(), True
