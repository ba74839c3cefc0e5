"""What each kind of attack does: the payments that it makes, one after the other."""

from collections.abc import Callable, Sequence

import msgspec

from deploy.demo.payments import LISTED_DEVICES, Customer, Payment, Town

Make = Callable[[int], Payment]
"""Makes one payment at a time in milliseconds."""
FAR_PLACES = ((40.42, -3.70), (41.01, 28.98), (59.33, 18.06), (25.20, 55.27))
"""Madrid, Istanbul, Stockholm and Dubai: nobody is there within a minute."""
_ELECTRONICS, _ONLINE = 5, 7
"""Positions in `deploy.demo.payments.CATEGORIES`."""


class Plot(msgspec.Struct, frozen=True):
    """One attack before it begins.

    Args:
        kind: the name of this kind of attack.
        target: the customer, terminal or account that is attacked or used.
        span_ms: the time over which its payments are spread evenly.
        payments: makes each of them, in their order.
    """

    kind: str
    target: str
    span_ms: int
    payments: Sequence[Make]


def card_testing(town: Town) -> Plot:
    """A stolen card is tried with 12 tiny amounts in online shops; then somebody buys with it."""
    victim, device = _victim(town), f"d-x{_number(town)}"

    def probe(ms: int) -> Payment:
        return town.pay(victim, ms, town.random.randrange(50, 250), _terminal(town, _ONLINE), device)

    def hit(ms: int) -> Payment:
        return town.pay(victim, ms, town.random.randrange(15_000, 40_000), _terminal(town, _ONLINE), device)

    return Plot("card testing", victim.id, 15_000, [*[probe] * 12, hit])


def copied_card(town: Town) -> Plot:
    """A copy of a card is used at eight terminals with amounts of up to twice the usual one."""
    victim = _victim(town)
    terminals = [town.random.randrange(town.terminals) for _ in range(8)]
    return Plot("copied card", victim.id, 12_000, [_purchase(town, victim, 1, 2, terminal) for terminal in terminals])


def account_takeover(town: Town) -> Plot:
    """A thief sets a new password from a new device, transfers 12 to 30 times the usual amount, and buys twice."""
    victim, device = _victim(town), f"d-y{_number(town)}"

    def reset(ms: int) -> Payment:
        return town.move(victim, ms, "reset", 0, device=device)

    def transfer(ms: int) -> Payment:
        return town.move(victim, ms, "transfer", _times(town, victim, 12, 30), f"p-y{_number(town)}", device)

    def spend(ms: int) -> Payment:
        return town.pay(victim, ms, _times(town, victim, 12, 30), _terminal(town, _ELECTRONICS), device)

    return Plot("account takeover", victim.id, 12_000, [reset, transfer, spend, spend])


def compromised_terminal(town: Town) -> Plot:
    """At one terminal 25 customers pay 5 to 10 times their usual amount."""
    terminal = town.random.randrange(town.terminals)

    def skim(ms: int) -> Payment:
        victim = _victim(town)
        return town.pay(victim, ms, _times(town, victim, 5, 10), terminal)

    return Plot("compromised terminal", f"t{terminal:05d}", 15_000, [skim] * 25)


def impossible_travel(town: Town) -> Plot:
    """A card is used twice in a far city, while its owner pays at home."""
    victim, place = _victim(town), town.random.choice(FAR_PLACES)

    def abroad(ms: int) -> Payment:
        return town.pay_at(victim, ms, town.usual_amount_minor(victim), f"t-far{place[0]:.0f}", place)

    return Plot("impossible travel", victim.id, 10_000, [_purchase(town, victim, 1, 1, _terminal(town, 0)), abroad, abroad])


def structuring(town: Town) -> Plot:
    """Four deposits of 7,600 to 9,900 in cash."""
    owner = _victim(town)

    def deposit(ms: int) -> Payment:
        return town.move(owner, ms, "deposit", town.random.randrange(760_000, 990_000))

    return Plot("structuring", owner.id, 15_000, [deposit] * 4)


def bust_out(town: Town) -> Plot:
    """A customer repays 40 to 60 times the usual amount by a payment that will bounce, and buys electronics for all of it."""
    owner = _victim(town)
    amount_minor = _times(town, owner, 40, 60)

    def repay(ms: int) -> Payment:
        return town.move(owner, ms, "repayment", amount_minor)

    def spend(ms: int) -> Payment:
        return town.pay(owner, ms, int(amount_minor * town.random.uniform(0.18, 0.25)), _terminal(town, _ELECTRONICS))

    return Plot("bust-out", owner.id, 15_000, [repay, *[spend] * 5])


def mule_fan_in(town: Town) -> Plot:
    """Twelve customers are talked into sending 3 to 8 times their usual amount to one account."""
    mule = f"p-m{_number(town)}"

    def send(ms: int) -> Payment:
        victim = _victim(town)
        return town.move(victim, ms, "transfer", _times(town, victim, 3, 8), mule)

    return Plot("mule fan-in", mule, 15_000, [send] * 12)


def mule_fan_out(town: Town) -> Plot:
    """An account gets 2,000 to 5,000 and sends nearly all of it on to five others."""
    mule, amount_minor = _victim(town), town.random.randrange(200_000, 500_000)

    def receive(ms: int) -> Payment:
        return town.move(mule, ms, "incoming", amount_minor)

    def send(ms: int) -> Payment:
        return town.move(mule, ms, "transfer", int(amount_minor * town.random.uniform(0.17, 0.2)), f"p-o{_number(town)}")

    return Plot("mule fan-out", mule.id, 15_000, [receive, *[send] * 5])


def dormant_account(town: Town) -> Plot:
    """An account that slept for a month pays five times, twice to four times the usual amount."""
    owner = town.sleepers.pop() if town.sleepers else _victim(town)
    return Plot("dormant account", owner.id, 12_000, [_purchase(town, owner, 2, 4, _terminal(town, _ONLINE))] * 5)


def refund_abuse(town: Town) -> Plot:
    """A customer gets five refunds of 4 to 6 times the usual amount."""
    owner = _victim(town)

    def refund(ms: int) -> Payment:
        return town.pay(owner, ms, _times(town, owner, 4, 6), owner.terminals[0], kind="refund")

    return Plot("refund abuse", owner.id, 12_000, [refund] * 5)


def new_device(town: Town) -> Plot:
    """Somebody pays 8 to 15 times the usual amount from a device that the customer never used."""
    victim, device = _victim(town), f"d-z{_number(town)}"

    def spend(ms: int) -> Payment:
        return town.pay(victim, ms, _times(town, victim, 8, 15), _terminal(town, _ONLINE), device)

    return Plot("new device", victim.id, 1_000, [spend])


def listed_device(town: Town) -> Plot:
    """A device of the block list pays usual amounts of two customers."""
    device = town.random.choice(LISTED_DEVICES)

    def spend(ms: int) -> Payment:
        victim = _victim(town)
        return town.pay(victim, ms, town.usual_amount_minor(victim), _terminal(town, _ONLINE), device)

    return Plot("listed device", device, 5_000, [spend, spend])


PLOTS = (
    card_testing,
    account_takeover,
    compromised_terminal,
    mule_fan_in,
    copied_card,
    bust_out,
    structuring,
    impossible_travel,
    mule_fan_out,
    new_device,
    refund_abuse,
    dormant_account,
    listed_device,
)
"""All kinds, in the order in which they begin."""


def _victim(town: Town) -> Customer:
    return town.random.choice(town.customers)


def _number(town: Town) -> int:
    return town.random.randrange(10_000_000)


def _times(town: Town, customer: Customer, least: float, most: float) -> int:
    return int(customer.amount_mean_minor * town.random.uniform(least, most))


def _terminal(town: Town, category: int) -> int:
    """A random terminal of a category, or any where the town has none of it."""
    of_it = range(category, town.terminals, 8)
    return town.random.choice(of_it) if of_it else town.random.randrange(town.terminals)


def _purchase(town: Town, customer: Customer, least: float, most: float, terminal: int) -> Make:
    return lambda ms: town.pay(customer, ms, _times(town, customer, least, most), terminal)
