"""How many files and connections this process may have open at a time."""

import logging
import resource

log = logging.getLogger(__name__)

WANTED = 65_536
RESERVED = 512
"""Descriptors that are left for files, stores, and connections that are being refused."""


def raise_limit() -> int:
    """Raises the limit of open descriptors as far as this process may, up to `WANTED`, and returns it.

    Shells give 1,024 by default, which are fewer than the connections that the API takes.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return WANTED if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def connections_for(descriptors: int, connections_max: int) -> int:
    """The connections to take where `descriptors` may be open, at most `connections_max`; a bound that is lower is said."""
    found = max(1, min(connections_max, descriptors - RESERVED))
    if found < connections_max:
        text = "only %d descriptors may be open (ulimit -Hn), so that %d connections are taken at a time instead of %d"
        log.warning(text, descriptors, found, connections_max)
    return found
