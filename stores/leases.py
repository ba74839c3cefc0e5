"""Defines leases: rows by which one process at a time does what must not be done by two, and another one goes on when it has ended.

Whoever holds a lease renews it, and each renewal raises the row's `beat`. Another process takes the lease over when the beat has stood
still for so long, by its own clock, that the holder counts as ended. So no two clocks have to agree, and a clock that is set back neither
takes a lease away nor keeps one for ever.
"""

from typing import Protocol

import msgspec


class Lease(msgspec.Struct, frozen=True):
    """Is the state of a lease: who holds it, empty after its holder has given it up, and the number of changes, from 1 on."""

    holder: str
    beat: int


class Leases(Protocol):
    """Stores leases. Any number of processes read and write, and each call is one transaction. Safe for threads.

    Raises:
        StoreUnavailableError: any call; the store does not answer, and the call may have taken effect all the same.
    """

    def read(self, name: str) -> Lease | None:
        """Returns the lease; None if nobody has ever held it."""

    def swap(self, name: str, before: Lease | None, holder: str) -> Lease | None:
        """Gives the lease to `holder`, or renews it; an empty `holder` gives it up. Returns the new state.

        Returns None, and changes nothing, unless the state that is stored is `before`.
        """
