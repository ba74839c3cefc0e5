"""Begins attacks, each of which is a series of payments over some seconds."""

import heapq

import msgspec

from deploy.demo.payments import Payment, Town
from deploy.demo.plots import PLOTS, Make


class Attack(msgspec.Struct, frozen=True):
    """One attack that has begun.

    Args:
        number: counts from 1, in the order in which attacks begin.
        kind: the name of this kind of attack.
        target: the customer, terminal or account that is attacked or used.
    """

    number: int
    kind: str
    target: str


class Attacks:
    """Begins attacks of all kinds in turn, at random times, and gives their payments when they are due.

    Args:
        town: its customers and terminals are attacked, and its random numbers are used.
        every_seconds: the mean time between the starts of two attacks.
    """

    def __init__(self, town: Town, every_seconds: float = 4.0) -> None:
        self._town = town
        self._every_ms = every_seconds * 1000
        self._due: list[tuple[int, int, Make, Attack]] = []
        self._steps = 0
        self._next_ms: int | None = None
        self.begun: list[Attack] = []

    def due(self, now_ms: int) -> list[tuple[Payment, Attack]]:
        """The payments of attacks that are due by `now_ms`, in order."""
        if self._next_ms is None:
            self._next_ms = now_ms + int(self._every_ms / 2)
        while self._next_ms <= now_ms:
            self._begin(self._next_ms)
            self._next_ms += 1 + int(self._town.random.expovariate(1.0) * self._every_ms)
        payments = []
        while self._due and self._due[0][0] <= now_ms:
            at_ms, _, make, attack = heapq.heappop(self._due)
            payments.append((make(at_ms), attack))
        return payments

    def _begin(self, at_ms: int) -> None:
        plot = PLOTS[len(self.begun) % len(PLOTS)](self._town)
        attack = Attack(len(self.begun) + 1, plot.kind, plot.target)
        self.begun.append(attack)
        for position, make in enumerate(plot.payments):
            self._steps += 1
            heapq.heappush(self._due, (at_ms + plot.span_ms * position // len(plot.payments), self._steps, make, attack))
