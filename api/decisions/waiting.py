"""Matches callers that wait for a decision with the replies of the pipeline."""

import asyncio
import itertools
from collections.abc import Sequence

Key = tuple[str, str, int]
"""The key of a decision in flight: primary entity, event id and hash of the body."""


class TooManyInFlightError(Exception):
    """There are as many decisions in flight as are allowed."""


class Waiter:
    """One decision in flight; any number of callers may wait for it.

    Args:
        key: the event that is decided.
        name: the name that the reply carries.
    """

    __slots__ = ("_asleep", "callers", "key", "name", "reply")

    def __init__(self, key: Key, name: str) -> None:
        self.key = key
        self.name = name
        self.reply: bytes | None = None
        self.callers = 0
        self._asleep: list[asyncio.Future[None]] = []

    def answer(self, reply: bytes) -> None:
        """Gives the bytes of the reply to all callers; a second reply has no effect."""
        if self.reply is None:
            self.reply = reply
            for each in self._asleep:
                _wake(each)

    async def within(self, seconds: float) -> bytes | None:
        """The bytes of the reply; None when there is none within `seconds`. Other callers may wait for it longer."""
        if self.reply is None:
            loop = asyncio.get_running_loop()
            own: asyncio.Future[None] = loop.create_future()
            self._asleep.append(own)
            timer = loop.call_later(max(0.0, seconds), _wake, own)  # `asyncio.wait` costs three times as much
            try:
                await own
            finally:
                timer.cancel()
        return self.reply


class Waiting:
    """The decisions in flight of one process. Only the event loop's thread may use it.

    A reply is matched by a name that is used only once, ``<instance>/<number>``. So a reply that comes after its deadline, or one for the
    same event id of another primary entity, cannot answer the wrong caller.

    Args:
        instance: the name of this process, unique among API processes.
        first: the first number; it must be greater than any number of an earlier process with the same name.
        in_flight_max: the greatest number of decisions in flight.

    Attributes:
        unmatched: how many replies came that nobody waited for any more.
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
        """Joins the decision in flight for `key`, or begins one; gives it and whether it is new, so that the caller has to send the event.

        The caller has to call `leave` afterwards.

        Raises:
            TooManyInFlightError: there are `in_flight_max` decisions in flight.
        """
        waiter = self._by_key.get(key)
        new = waiter is None
        if waiter is None:
            if len(self._by_name) >= self.in_flight_max:
                raise TooManyInFlightError
            name = f"{self._prefix}{next(self._numbers):x}"
            waiter = Waiter(key, name)
            self._by_name[name] = self._by_key[key] = waiter
        waiter.callers += 1
        return waiter, new

    def leave(self, waiter: Waiter) -> None:
        """Ends one caller's wait; when the last caller leaves, the decision is no longer in flight."""
        waiter.callers -= 1
        if waiter.callers == 0:
            self._by_name.pop(waiter.name, None)
            if self._by_key.get(waiter.key) is waiter:
                del self._by_key[waiter.key]

    def answer(self, replies: Sequence[tuple[str, bytes | None]]) -> None:
        """Gives each reply (name and bytes) to the callers that wait for it, and counts those that nobody waits for any more."""
        for name, value in replies:
            waiter = self._by_name.get(name)
            if waiter is None:
                self.unmatched += 1
            elif value is not None:
                waiter.answer(value)


def _wake(asleep: "asyncio.Future[None]") -> None:
    if not asleep.done():
        asleep.set_result(None)
