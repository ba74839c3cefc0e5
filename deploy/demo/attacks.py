"""Generates attacks, each of which is a series of payments over some seconds."""

import heapq
from collections.abc import Callable

import msgspec

from deploy.demo.payments import Payment, Town


class Attack(msgspec.Struct, frozen=True):
    """One attack that has begun.

    Args:
        number: counts from 1, in the order in which attacks begin.
        kind: the name of this kind of attack.
        target: the customer or terminal that is attacked.
    """

    number: int
    kind: str
    target: str


class Attacks:
    """Begins attacks at random times and gives their payments when they are due.

    Args:
        town: its customers and terminals are attacked, and its random numbers are used.
        every_seconds: the mean time between the starts of two attacks.
    """

    def __init__(self, town: Town, every_seconds: float = 6.0) -> None:
        self._town = town
        self._every_ms = every_seconds * 1000
        self._due: list[tuple[int, int, Callable[[int], Payment], Attack]] = []
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
        kinds = (self._card_testing, self._account_takeover, self._compromised_terminal)
        kinds[len(self.begun) % len(kinds)](at_ms)

    def _plan(self, attack: Attack, at_ms: int, span_ms: int, payments: list[Callable[[int], Payment]]) -> None:
        self.begun.append(attack)
        for position, make in enumerate(payments):
            self._steps += 1
            heapq.heappush(self._due, (at_ms + span_ms * position // len(payments), self._steps, make, attack))

    def _card_testing(self, at_ms: int) -> None:
        """A stolen card is tried with 30 tiny amounts at many terminals within 15 s."""
        town = self._town
        victim = town.random.choice(town.customers)

        def probe(ms: int) -> Payment:
            return town.pay(victim, ms, town.random.randrange(50, 300), town.random.randrange(town.terminals), f"d-x{victim.id}")

        self._plan(Attack(len(self.begun) + 1, "card testing", victim.id), at_ms, 15_000, [probe] * 30)

    def _account_takeover(self, at_ms: int) -> None:
        """A thief makes six payments of 12 to 30 times the customer's usual amount from a new device within 12 s."""
        town = self._town
        victim = town.random.choice(town.customers)

        def spend(ms: int) -> Payment:
            amount_minor = int(victim.amount_mean_minor * town.random.uniform(12, 30))
            return town.pay(victim, ms, amount_minor, town.random.randrange(town.terminals), f"d-y{victim.id}")

        self._plan(Attack(len(self.begun) + 1, "account takeover", victim.id), at_ms, 12_000, [spend] * 6)

    def _compromised_terminal(self, at_ms: int) -> None:
        """At one terminal 25 customers pay 5 to 10 times their usual amount within 15 s."""
        town = self._town
        terminal = town.random.randrange(town.terminals)

        def skim(ms: int) -> Payment:
            victim = town.random.choice(town.customers)
            return town.pay(victim, ms, int(victim.amount_mean_minor * town.random.uniform(5, 10)), terminal)

        self._plan(Attack(len(self.begun) + 1, "compromised terminal", f"t{terminal:05d}"), at_ms, 15_000, [skim] * 25)
