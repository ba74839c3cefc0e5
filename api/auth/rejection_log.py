"""Logs callers that were not let in, with a bound on the number of lines."""

import logging

from api.kafka.log import Clock

log = logging.getLogger("api.auth.authenticator")

LOG_SECONDS = 10.0
"""The least time between two lines about the same reason and host."""
LINES_MAX = 100
"""So many pairs of reason and host have lines of their own within `LOG_SECONDS`; all others are counted together."""
OTHERS = "other hosts"


class RejectionLog:
    """Writes at most one line per reason and host every `LOG_SECONDS`, with the number of requests since the last one.

    It never writes a token.

    Args:
        monotonic: seconds of a clock that never goes back.
    """

    def __init__(self, monotonic: Clock) -> None:
        self._monotonic = monotonic
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def note(self, reason: str, peer: str, detail: str = "") -> None:
        """Counts a request from `peer` (``address:port``) that was not let in because of `reason`, and logs it if it is time to."""
        now = self._monotonic()
        key = (reason, peer.rpartition(":")[0] or peer)
        if key not in self._said and len(self._said) >= LINES_MAX:
            self._forget(now)
            if len(self._said) >= LINES_MAX:
                key = (reason, OTHERS)
        last, unlogged = self._said.get(key, (-LOG_SECONDS, 0))
        if now - last < LOG_SECONDS:
            self._said[key] = (last, unlogged + 1)
            return
        self._said[key] = (now, 0)
        where = peer if key[1] != OTHERS else f"{peer} and {OTHERS}"
        log.warning("a caller from %s was not let in: %s%s", where, detail or reason, f" (and {unlogged:,} more)" if unlogged else "")

    def _forget(self, now: float) -> None:
        for (reason, host), (last, unlogged) in list(self._said.items()):
            if now - last >= LOG_SECONDS:
                del self._said[reason, host]
                if unlogged:
                    log.warning("%s more callers from %s were not let in before: %s", f"{unlogged:,}", host, reason)
