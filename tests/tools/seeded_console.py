"""A solo system with cases that payments have opened, and ways to sign in at its console. For tests only."""

import pathlib
from typing import Any

from api.cases.case_shapes import ShownCase
from deploy.command import DEMO_CONFIG
from deploy.commands.console_link import console_link
from deploy.local.solo_in_process import TOKEN
from weir.testing import System

ORDINARY = 4
DAY_MS = 86_400_000


class SeededConsole:
    """A system whose cases come from payments, through its engine, alerts and rules.

    Args:
        system: one that runs, with the configuration of the demo.

    Attributes:
        payments: how many were made, which is the id of the last one.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        self.payments = 0

    @property
    def address(self) -> str:
        """Of the console, without a slash at its end."""
        return f"http://{self.system.settings.api_address()}"

    def link(self, token: str = TOKEN) -> str:
        """A link that signs in the holder of `token`, by default the owner."""
        return console_link(self.system.settings, token)

    def token(self, name: str, *roles: str) -> str:
        """A new token with roles."""
        return self.system.client.make_token(name, roles).token

    def pay(self, customer: str, amount: float, **more: object) -> str:
        """Decides on a payment; gives its action."""
        self.payments += 1
        event: dict[str, Any] = {"payment_id": self.payments, "at": self.system.now_ms + self.payments, "customer_id": customer}
        event |= {"terminal_id": "t-17", "device_id": f"phone-of-{customer}", "currency": "EUR", "merchant_category": "online"}
        return self.system.decide(event | {"amount": amount} | more).action

    def take_over(self, customer: str, amount: float = 640.0, device: str = "burner-7") -> None:
        """Somebody takes over the account of `customer`, which opens a case."""
        for number in range(ORDINARY):
            self.pay(customer, 18.0 + number, at=self.system.now_ms - (ORDINARY - number) * DAY_MS)
        self.pay(customer, 0.0, kind="reset", device_id=device)
        self.pay(customer, amount, kind="transfer", device_id=device, payee_id="mule-3")

    def cases(self, count: int = 1, **wanted: Any) -> list[ShownCase]:
        """The open cases, once there are `count` of them."""

        def enough() -> list[ShownCase] | None:
            found = self.system.client.cases.page(["open"], **wanted).cases
            return list(found) if len(found) >= count else None

        return self.system.wait_for(enough, f"{count} open cases")


def start_console(folder: pathlib.Path) -> System:
    """A system with the configuration of the demo; another than its author approves a rule, and receivers may be of this machine."""
    return System(DEMO_CONFIG, folder, webhook_networks="127.0.0.0/8", webhook_plain="accept")
