"""Log lines of callers that were not let in: who they were, and no flood of them."""

import logging

from api.kafka.log import Clock

log = logging.getLogger("api.auth.authenticator")

LOG_SECONDS = 10.0
"""Between two lines on the same reason and host."""
LINES_MAX = 100
"""Reasons and hosts that have lines of their own within `LOG_SECONDS`; those of all others are counted together."""
OTHERS = "other hosts"


class RejectionLog:
    """Writes a line a reason and host now and then, with the number of those that it did not write; never a token.

    Args:
        monotonic: seconds, never going back.
    """

    def __init__(self, monotonic: Clock) -> None:
        self._monotonic = monotonic
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def note(self, reason: str, peer: str, detail: str = "") -> None:
        """Counts one that came from `peer`, ``address:port``, and was not let in because of `reason`."""
        now = self._monotonic()
        key = (reason, peer.rpartition(":")[0] or peer)
        if key not in self._said and len(self._said) >= LINES_MAX:
            self._forget(now)
            if len(self._said) >= LINES_MAX:
                key = (reason, OTHERS)
        last, unsaid = self._said.get(key, (-LOG_SECONDS, 0))
        if now - last < LOG_SECONDS:
            self._said[key] = (last, unsaid + 1)
            return
        self._said[key] = (now, 0)
        where = peer if key[1] != OTHERS else f"{peer} and {OTHERS}"
        log.warning("a caller from %s was not let in: %s%s", where, detail or reason, f" (and {unsaid:,} more)" if unsaid else "")

    def _forget(self, now: float) -> None:
        for (reason, host), (last, unsaid) in list(self._said.items()):
            if now - last >= LOG_SECONDS:
                del self._said[reason, host]
                if unsaid:
                    log.warning("%s more callers from %s were not let in before: %s", f"{unsaid:,}", host, reason)
