"""Generates what customers with habits, terminals, devices and payees do with their accounts; the same seed gives the same payments."""

import random
from collections.abc import Iterator

import msgspec

CATEGORIES = ("grocery", "restaurant", "fuel", "clothing", "travel", "electronics", "pharmacy", "online")
DENSE_MS = 120_000
DAY_MS = 86_400_000
BILLERS = ("p-biller-01", "p-biller-02", "p-biller-03")
"""Accounts that many customers pay: those of the list known_billers of the sample."""
LISTED_DEVICES = ("d-listed-01", "d-listed-02", "d-listed-03")
"""The devices of the list blocked_devices of the sample."""
SLEEPERS = 40
"""So many customers have not paid for over a month."""
_NORTH, _EAST = 48.14, 11.58
_KINDS = {"transfer": 0.03, "incoming": 0.004, "refund": 0.003, "repayment": 0.002, "reset": 0.0005, "deposit": 0.0005}
"""The share of what customers do that is of each kind; all else are purchases."""
_NEW_DEVICES, _LARGE = 0.0003, 0.001
"""The share of purchases from a new device, and of those that are two to five times as large as usual."""


class Payment(msgspec.Struct, frozen=True):
    """One event of an account, most often a payment.

    Args:
        payment_id: counts up.
        at: in milliseconds since the epoch.
        terminal_id: '' where the payment is made at none.
        amount_minor: in cents.
        category: of the merchant.
        kind: what happened, as schema.yaml of the sample lists it.
        payee_id: who gets a transfer; '' where it is none.
        place: of the terminal, degrees north and east; None where it has none.
    """

    payment_id: int
    at: int
    customer_id: str
    terminal_id: str
    device_id: str
    amount_minor: int
    category: str
    kind: str = "purchase"
    payee_id: str = ""
    place: tuple[float, float] | None = None

    def encode(self) -> bytes:
        """The payment as JSON for the schema in deploy/samples/payments; the amount has two decimal places."""
        terminal = f'"terminal_id":"{self.terminal_id}",' if self.terminal_id else ""
        payee = f',"payee_id":"{self.payee_id}"' if self.payee_id else ""
        place = f',"latitude":{self.place[0]:.4f},"longitude":{self.place[1]:.4f}' if self.place else ""
        return (
            f'{{"payment_id":{self.payment_id},"at":{self.at},"customer_id":"{self.customer_id}",{terminal}'
            f'"device_id":"{self.device_id}","amount":{self.amount_minor // 100}.{self.amount_minor % 100:02d},"currency":"EUR",'
            f'"merchant_category":"{self.category}","kind":"{self.kind}"{payee}{place}}}'
        ).encode()


class Customer(msgspec.Struct, frozen=True):
    """A customer's habits: how much the customer pays, at which terminals, from which device, and to whom."""

    id: str
    amount_mean_minor: float
    terminals: tuple[int, ...]
    device: str
    payees: tuple[str, ...]


class Town:
    """Customers who pay at the terminals that they know. Only one thread may use it.

    Args:
        seed: the same seed gives the same customers and, with calls in the same order, the same payments.
        customers: the number of customers, at least 1.
        terminals: the number of terminals, at least 4.
        first_id: the id of the first payment.

    Attributes:
        sleepers: customers who have paid long ago alone, for as long as nobody takes them from here.
    """

    def __init__(self, seed: int, customers: int = 15_000, terminals: int = 2_500, first_id: int = 1) -> None:
        self.random = random.Random(seed)  # noqa: S311 - made-up payments, not secrets
        self.terminals = terminals
        self.customers = [self._customer(number) for number in range(customers)]
        self.sleepers = [self._customer(number) for number in range(customers, customers + SLEEPERS)]
        self._places = [(_NORTH + self.random.uniform(-0.1, 0.1), _EAST + self.random.uniform(-0.15, 0.15)) for _ in range(terminals)]
        self._next_id = first_id

    def payment(self, at_ms: int) -> Payment:
        """An ordinary purchase of a random customer."""
        customer = self.random.choice(self.customers)
        terminal = self.random.choice(customer.terminals)
        return self.pay(customer, at_ms, self.usual_amount_minor(customer), terminal)

    def ordinary(self, at_ms: int) -> Payment:
        """What a random customer does: most often a purchase, now and then something else or something that is not usual for them."""
        draw = self.random.random()
        for kind, share in _KINDS.items():
            if draw < share:
                return self._other(kind, self.random.choice(self.customers), at_ms)
            draw -= share
        customer = self.random.choice(self.customers)
        amount_minor = self.usual_amount_minor(customer)
        if draw < _LARGE:
            amount_minor = int(customer.amount_mean_minor * self.random.uniform(2, 5))
        device = f"d-n{self._next_id}" if _LARGE < draw < _LARGE + _NEW_DEVICES else ""
        return self.pay(customer, at_ms, amount_minor, self.random.choice(customer.terminals), device)

    def pay(self, customer: Customer, at_ms: int, amount_minor: int, terminal: int, device: str = "", kind: str = "purchase") -> Payment:
        """A payment at a terminal, or a refund there; `device` is '' for the customer's own device."""
        category = CATEGORIES[terminal % len(CATEGORIES)]
        place = None if category == "online" else self._places[terminal]
        return self._made(customer, at_ms, amount_minor, device, f"t{terminal:05d}", category, kind, "", place)

    def pay_at(self, customer: Customer, at_ms: int, amount_minor: int, terminal_id: str, place: tuple[float, float]) -> Payment:
        """A payment at a terminal outside of the town."""
        return self._made(customer, at_ms, amount_minor, "", terminal_id, "travel", "purchase", "", place)

    def move(self, customer: Customer, at_ms: int, kind: str, amount_minor: int, payee_id: str = "", device: str = "") -> Payment:
        """What happens to an account without a terminal, such as a transfer."""
        return self._made(customer, at_ms, amount_minor, device, "", "bank", kind, payee_id, None)

    def usual_amount_minor(self, customer: Customer) -> int:
        """A usual amount of the customer in cents, at least 50: it has a gamma distribution of shape 4 around the customer's mean."""
        return max(50, int(self.random.gammavariate(4.0, customer.amount_mean_minor / 4.0)))

    def long_ago(self, end_ms: int) -> Iterator[Payment]:
        """The last payment of each sleeper, 31 to 38 days before `end_ms`, in the order of time."""
        for number, customer in enumerate(self.sleepers):
            at_ms = end_ms - 38 * DAY_MS + 7 * DAY_MS * number // len(self.sleepers)
            yield self.pay(customer, at_ms, self.usual_amount_minor(customer), customer.terminals[0])

    def history(self, end_ms: int, days: float, count: int, rate_per_second: float) -> Iterator[Payment]:
        """`count` ordinary payments before `end_ms`, in the order of time: first some spread over `days`, then two minutes at full rate.

        The last two minutes teach the detectors the rate of the live payments that follow.
        """
        dense = min(count, int(rate_per_second * DENSE_MS / 1000))
        thin = count - dense
        start_ms, dense_ms = end_ms - int(days * DAY_MS), end_ms - DENSE_MS
        for number in range(thin):
            yield self.ordinary(start_ms + (dense_ms - start_ms) * number // thin)
        for number in range(dense):
            yield self.ordinary(dense_ms + DENSE_MS * number // dense)

    def _other(self, kind: str, customer: Customer, at_ms: int) -> Payment:
        amount_minor = self.usual_amount_minor(customer)
        if kind == "refund":
            return self.pay(customer, at_ms, amount_minor, self.random.choice(customer.terminals), kind=kind)
        if kind == "transfer":
            payee = self.random.choice(BILLERS) if self.random.random() < 0.2 else self.random.choice(customer.payees)
            return self.move(customer, at_ms, kind, amount_minor, payee)
        return self.move(customer, at_ms, kind, 0 if kind == "reset" else 2 * amount_minor)

    def _made(
        self,
        customer: Customer,
        at_ms: int,
        amount_minor: int,
        device: str,
        terminal_id: str,
        category: str,
        kind: str,
        payee_id: str,
        place: tuple[float, float] | None,
    ) -> Payment:
        id = self._next_id
        self._next_id += 1
        return Payment(id, at_ms, customer.id, terminal_id, device or customer.device, amount_minor, category, kind, payee_id, place)

    def _customer(self, number: int) -> Customer:
        known = tuple(self.random.randrange(self.terminals) for _ in range(4))
        payees = (f"p{number // 3:06d}", f"p{(number + 1) // 3:06d}")
        return Customer(f"c{number:06d}", 2_500.0 * self.random.lognormvariate(0.0, 0.5), known, f"d{number:06d}", payees)
