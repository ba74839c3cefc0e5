"""Made-up payments of made-up customers, the same for the same seed: habits, terminals, devices and amounts."""

import random
from collections.abc import Iterator

import msgspec

CATEGORIES = ("grocery", "restaurant", "fuel", "clothing", "travel", "electronics", "pharmacy", "online")
DENSE_MS = 120_000


class Payment(msgspec.Struct, frozen=True):
    """One payment. Amounts in cents; `at` in milliseconds since the epoch."""

    payment_id: int
    at: int
    customer_id: str
    terminal_id: str
    device_id: str
    amount_minor: int
    category: str

    def encode(self) -> bytes:
        """The JSON that deploy/samples/payments describes; the amount with its two digits."""
        return (
            f'{{"payment_id":{self.payment_id},"at":{self.at},"customer_id":"{self.customer_id}","terminal_id":"{self.terminal_id}",'
            f'"device_id":"{self.device_id}","amount":{self.amount_minor // 100}.{self.amount_minor % 100:02d},"currency":"EUR",'
            f'"merchant_category":"{self.category}"}}'
        ).encode()


class Customer(msgspec.Struct, frozen=True):
    """A customer's habits: how much, where and from which device."""

    id: str
    amount_mean_minor: float
    terminals: tuple[int, ...]
    device: str


class Town:
    """Customers who pay at the terminals they know. Not thread-safe.

    Args:
        seed: the same seed gives the same customers and, asked in the same order, the same payments.
        customers: at least 1.
        terminals: at least 4.
        first_id: number of the first payment.
    """

    def __init__(self, seed: int, customers: int = 15_000, terminals: int = 2_500, first_id: int = 1) -> None:
        self.random = random.Random(seed)  # noqa: S311 - made-up payments, not secrets
        self.terminals = terminals
        self.customers = [self._customer(number) for number in range(customers)]
        self._next_id = first_id

    def payment(self, at_ms: int) -> Payment:
        """An ordinary payment of some customer."""
        customer = self.random.choice(self.customers)
        place = self.random.choice(customer.terminals)
        return self.pay(customer, at_ms, self.usual_amount_minor(customer), place)

    def pay(self, customer: Customer, at_ms: int, amount_minor: int, terminal: int, device: str = "") -> Payment:
        """A payment as told; `device`: another than the customer's own."""
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
        """What the customer spends on an ordinary day: a gamma of shape 4 around the customer's mean, at least 50 cents."""
        return max(50, int(self.random.gammavariate(4.0, customer.amount_mean_minor / 4.0)))

    def history(self, end_ms: int, days: float, count: int, rate_per_second: float) -> Iterator[Payment]:
        """`count` ordinary payments before `end_ms`, by time: first some thinly over `days`, then the last two minutes at full rate.

        The dense end is there so that what runs later meets detectors that know this rate.
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
