"""Generates payments of customers with habits, terminals, devices and amounts; the same seed gives the same payments."""

import random
from collections.abc import Iterator

import msgspec

CATEGORIES = ("grocery", "restaurant", "fuel", "clothing", "travel", "electronics", "pharmacy", "online")
DENSE_MS = 120_000


class Payment(msgspec.Struct, frozen=True):
    """One payment; `amount_minor` is in cents, and `at` in milliseconds since the epoch."""

    payment_id: int
    at: int
    customer_id: str
    terminal_id: str
    device_id: str
    amount_minor: int
    category: str

    def encode(self) -> bytes:
        """The payment as JSON for the schema in deploy/samples/payments; the amount has two decimal places."""
        return (
            f'{{"payment_id":{self.payment_id},"at":{self.at},"customer_id":"{self.customer_id}","terminal_id":"{self.terminal_id}",'
            f'"device_id":"{self.device_id}","amount":{self.amount_minor // 100}.{self.amount_minor % 100:02d},"currency":"EUR",'
            f'"merchant_category":"{self.category}"}}'
        ).encode()


class Customer(msgspec.Struct, frozen=True):
    """A customer's habits: how much the customer pays, at which terminals and from which device."""

    id: str
    amount_mean_minor: float
    terminals: tuple[int, ...]
    device: str


class Town:
    """Customers who pay at the terminals that they know. Only one thread may use it.

    Args:
        seed: the same seed gives the same customers and, with calls in the same order, the same payments.
        customers: the number of customers, at least 1.
        terminals: the number of terminals, at least 4.
        first_id: the id of the first payment.
    """

    def __init__(self, seed: int, customers: int = 15_000, terminals: int = 2_500, first_id: int = 1) -> None:
        self.random = random.Random(seed)  # noqa: S311 - made-up payments, not secrets
        self.terminals = terminals
        self.customers = [self._customer(number) for number in range(customers)]
        self._next_id = first_id

    def payment(self, at_ms: int) -> Payment:
        """An ordinary payment of a random customer."""
        customer = self.random.choice(self.customers)
        terminal = self.random.choice(customer.terminals)
        return self.pay(customer, at_ms, self.usual_amount_minor(customer), terminal)

    def pay(self, customer: Customer, at_ms: int, amount_minor: int, terminal: int, device: str = "") -> Payment:
        """A payment with these values; `device` is '' for the customer's own device."""
        payment = Payment(
            self._next_id,
            at_ms,
            customer.id,
            f"t{terminal:05d}",
            device or customer.device,
            amount_minor,
            CATEGORIES[terminal % len(CATEGORIES)],
        )
        self._next_id += 1
        return payment

    def usual_amount_minor(self, customer: Customer) -> int:
        """A usual amount of the customer in cents, at least 50: it has a gamma distribution of shape 4 around the customer's mean."""
        return max(50, int(self.random.gammavariate(4.0, customer.amount_mean_minor / 4.0)))

    def history(self, end_ms: int, days: float, count: int, rate_per_second: float) -> Iterator[Payment]:
        """`count` ordinary payments before `end_ms`, in the order of time: first some spread over `days`, then two minutes at full rate.

        The last two minutes teach the detectors the rate of the live payments that follow.
        """
        dense = min(count, int(rate_per_second * DENSE_MS / 1000))
        thin = count - dense
        start_ms, dense_ms = end_ms - int(days * 86_400_000), end_ms - DENSE_MS
        for number in range(thin):
            yield self.payment(start_ms + (dense_ms - start_ms) * number // thin)
        for number in range(dense):
            yield self.payment(dense_ms + DENSE_MS * number // dense)

    def _customer(self, number: int) -> Customer:
        known = tuple(self.random.randrange(self.terminals) for _ in range(4))
        return Customer(f"c{number:06d}", 2_500.0 * self.random.lognormvariate(0.0, 0.5), known, f"d{number:06d}")
