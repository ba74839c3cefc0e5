"""A running system with every store a server of its own, and all payments that it was sent. For tests only."""

import collections
import contextlib
import pathlib
import time
from collections.abc import Iterator

import msgspec
from full_system import FullSystem
from score_job_runs import Json, decided, produce, records, wait_for
from servers_of_a_test import UNHURRIED_MS

from deploy.command import SAMPLES
from deploy.commands.up import with_servers
from deploy.demo.payments import Payment, Town
from deploy.local.releases import read_folder
from deploy.local.stack import Stack, free_settings
from deploy.servers.store_servers import SERVERS

MODELS = (
    "- {name: own_amount, kind: river, model: anomaly.GaussianScorer, parameters: {grace_period: 5}, scope: user, inputs: [event.amount]}\n"
)
POLICY = "score: first_ready(own_amount)\nbands: [{below: 0.9, action: approve}, {action: review}]\nfallback: {action: approve}\n"
"""What a user's score depends on is in the order of the user's own events, so that replay says the same."""
TEXTS = read_folder(SAMPLES / "payments") | {"models": MODELS, "policy": POLICY}
PAYMENTS = 2_000


class FullProfile(FullSystem):
    """Sends payments to the topic, or asks about them, and knows all of them."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack)
        self.sent: list[Payment] = []
        self._town = Town(3, customers=60, terminals=12)

    def made(self, count: int) -> list[Payment]:
        """Payments of now, which are sent next."""
        some = [self._town.payment(int(time.time() * 1000)) for _ in range(count)]
        self.sent += some
        return some

    def send(self, count: int) -> None:
        """Payments of now, to the topic."""
        produce(self.settings, "events", [(payment.customer_id, payment.encode()) for payment in self.made(count)])
        wait_for(lambda: decided(self.settings) >= len(self.sent), 60, "payments without a decision")

    def ask(self, count: int) -> tuple[list[Payment], list[Json]]:
        """Payments of now, asked about one after the other, and the answers."""
        some = self.made(count)
        answers = [self.api.post("/v1/decisions?deadline_ms=10000", content=payment.encode()) for payment in some]
        assert {answer.status_code for answer in answers} == {200}
        return some, [answer.json() for answer in answers]

    def decided(self) -> dict[str, Json]:
        """The first decision on each event, as its topic has it."""
        found: dict[str, Json] = {}
        for message in records(self.settings, "decisions"):
            decision = msgspec.json.decode(message.value() or b"")
            found.setdefault(decision["event_id"], decision)
        return found

    def scores(self) -> dict[str, float | None]:
        """What Cassandra holds of each payment."""
        found = self.decisions([payment.payment_id for payment in self.sent])
        return {event_id: decision.score for event_id, decision in found.items()}

    def by_category(self) -> collections.Counter[str]:
        """What Druid holds, by category."""
        return self.counted_since(min(payment.at for payment in self.sent), "event.merchant_category")

    def is_everywhere(self) -> bool:
        """Whether archive and Druid have all payments."""
        archived = self.rows_archived("events") == self.rows_archived("decisions") == len(self.sent)
        return archived and sum(self.by_category().values()) == len(self.sent)


@contextlib.contextmanager
def full_profile(folder: pathlib.Path) -> Iterator[FullProfile]:
    """A system in `folder` whose stores have some payments."""
    chosen = {"checkpoint_interval_ms": 2_000, "metrics_interval_ms": 2_000, "archive_interval_ms": 2_000, "entity_wait_ms": UNHURRIED_MS}
    with Stack(with_servers(free_settings(folder, **chosen)), TEXTS, print, servers=tuple(SERVERS)) as stack:
        full = FullProfile(stack)
        full.send(PAYMENTS)
        wait_for(full.is_everywhere, 180, "payments that are not in every store")
        yield full
        full.close()
