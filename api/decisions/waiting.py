"""Callers that wait for a decision, and the replies that answer them."""

import asyncio
import itertools
from collections.abc import Sequence

Key = tuple[str, str, int]
"""User, event id and hash of the body: what one decision is about."""


class TooManyInFlightError(Exception):
    """The bound on decisions in flight is reached."""


class Waiter:
    """One decision in flight; any number of callers may wait for it.

    Args:
        key: what it is about.
        name: which its reply carries.
        reply: settled with the reply's bytes.
    """

    __slots__ = ("callers", "key", "name", "reply")

    def __init__(self, key: Key, name: str, reply: "asyncio.Future[bytes]") -> None:
        self.key = key
        self.name = name
        self.reply = reply
        self.callers = 0


class Waiting:
    """The decisions in flight of one process. Belongs to the event loop's thread.

    A reply is matched by a name that is used once, ``<instance>/<number>``, so that neither a reply that comes after its
    deadline nor the same event id of another user answers the wrong caller.

    Args:
        instance: name of this process among those that wait.
        first: the first number; greater than any of an earlier process with the same name.
        in_flight_max: bound.
    """

    def __init__(self, instance: str, first: int, in_flight_max: int) -> None:
        self.in_flight_max = in_flight_max
        self.unmatched = 0
        self._prefix = instance + "/"
        self._numbers = itertools.count(first)
        self._by_name: dict[str, Waiter] = {}
        self._by_key: dict[Key, Waiter] = {}

    def __len__(self) -> int:
        return len(self._by_name)

    def join(self, key: Key) -> tuple[Waiter, bool]:
        """The decision about `key`, and whether it is new, so that its event must be sent. To be left with `leave`.

        Raises:
            TooManyInFlightError: it would be one more than the bound.
        """
        waiter = self._by_key.get(key)
        new = waiter is None
        if waiter is None:
            if len(self._by_name) >= self.in_flight_max:
                raise TooManyInFlightError
            name = f"{self._prefix}{next(self._numbers):x}"
            waiter = Waiter(key, name, asyncio.get_running_loop().create_future())
            self._by_name[name] = self._by_key[key] = waiter
        waiter.callers += 1
        return waiter, new

    def leave(self, waiter: Waiter) -> None:
        """A caller stops to wait; the last one takes the decision off the list."""
        waiter.callers -= 1
        if waiter.callers == 0:
            self._by_name.pop(waiter.name, None)
            if self._by_key.get(waiter.key) is waiter:
                del self._by_key[waiter.key]

    def settle(self, replies: Sequence[tuple[str, bytes | None]]) -> None:
        """Hands replies, by name, to who waits; counts those that nobody waits for any more."""
        for name, value in replies:
            waiter = self._by_name.get(name)
            if waiter is None:
                self.unmatched += 1
            elif value is not None and not waiter.reply.done():
                waiter.reply.set_result(value)
