"""Holds a lease, so that of several dispatchers one delivers: the others would send messages again, and out of their order.

The holder counts itself as such until `LEASE_S` after it *began* its last renewal; another process takes over when it has seen the same
beat for `LEASE_S`. The second cannot end before the first, whatever the clocks of the two say.
"""

import logging
import time
from collections.abc import Callable

from stores.leases import Lease, Leases

log = logging.getLogger(__name__)

LEASE_S = 6.0
RENEW_S = 2.0
"""How often the lease is renewed; each time costs a write that the disk has to confirm."""
WATCH_S = 0.5
"""How often a process that waits looks whether the holder still renews."""


class Tenure:
    """Holds one lease as far as others leave it.

    Args:
        leases: the store.
        name: of the lease.
        holder: names this process among all that there are and were.
        lease_s: after so long without a renewal another process takes over.
        monotonic: a clock in seconds that is never set.
    """

    def __init__(
        self, leases: Leases, name: str, holder: str, lease_s: float = LEASE_S, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._leases = leases
        self._name = name
        self._holder = holder
        self._lease_s = lease_s
        self._monotonic = monotonic
        self._own: Lease | None = None
        self._own_until_s = 0.0
        self._seen: Lease | None = None
        self._seen_since_s = 0.0

    def is_held(self) -> bool:
        """Returns whether this process may deliver now; asks no store."""
        return self._own is not None and self._monotonic() < self._own_until_s

    def step(self) -> float:
        """Renews the lease, takes it if it is free, or looks at its holder; returns in how many seconds to call it again.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        if self._own is not None:
            self._swap(self._own)
        if self._own is None:
            self._look()
        return RENEW_S if self._own is not None else WATCH_S

    def give_up(self) -> None:
        """Lets another process take over at once.

        Raises:
            StoreUnavailableError: the store does not answer; another process takes over a while later.
        """
        own, self._own = self._own, None
        if own is not None:
            self._leases.swap(self._name, own, "")

    def _look(self) -> None:
        found, now_s = self._leases.read(self._name), self._monotonic()
        if found != self._seen:
            self._seen, self._seen_since_s = found, now_s
        is_free = found is None or not found.holder
        if is_free or now_s - self._seen_since_s >= self._lease_s:
            if found is not None and found.holder:
                log.warning("the %s of %s have stood still, and this process goes on with them", self._name, found.holder)
            self._swap(found)

    def _swap(self, before: Lease | None) -> None:
        began_s = self._monotonic()
        was_held = self._own is not None
        self._own = self._leases.swap(self._name, before, self._holder)
        self._own_until_s = began_s + self._lease_s
        if was_held and self._own is None:
            log.warning("another process has taken over the %s", self._name)
