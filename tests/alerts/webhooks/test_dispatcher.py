"""Deliveries from an outbox on a real database to real receivers on this machine."""

import asyncio
import contextlib
import functools
import itertools
import pathlib
import random
import socket
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest
from databases_of_a_test import FickleDatabase, database_in
from receivers import answer, server
from standardwebhooks import Webhook

from alerts.webhooks import delivery_line, signing
from alerts.webhooks import dispatcher as dispatcher_module
from alerts.webhooks.addresses import networks
from alerts.webhooks.delivery_line import DeliveryLine, Sending, Trouble
from alerts.webhooks.dispatcher import Dispatcher
from alerts.webhooks.tenure import Tenure
from stores.casework.deliveries import Attempt, Deliveries, Message, Settled
from stores.casework.webhooks import StoredWebhook, WebhookWish
from stores.leases import Lease
from stores.relational.casework.deliveries import RelationalDeliveries
from stores.relational.casework.webhooks import RelationalWebhooks
from stores.relational.database import Database
from stores.relational.leases import RelationalLeases

SOON = [10] * 9
"""Waits between attempts that a test has time for, in ms."""


class Outbox:
    """The stores of one test, with the troubles that its dispatcher told."""

    def __init__(self, database: Database) -> None:
        self.webhooks = RelationalWebhooks(database)
        self.deliveries: Deliveries = RelationalDeliveries(database)
        self.leases = RelationalLeases(database)
        self.holders = itertools.count()
        self.troubles: list[Trouble] = []

    def webhook(self, id: str, port: int, form: str = "full") -> StoredWebhook:
        wish = WebhookWish(url=f"http://127.0.0.1:{port}/", form="thin" if form == "thin" else "full")
        keys = (signing.new_private_key(), signing.new_secret())
        webhook = StoredWebhook(id=id, wish=wish, keys=keys, version=1, by="ana", made_at_ms=0, changed_at_ms=0)
        self.webhooks.add(webhook)
        return webhook

    def add(self, webhooks: list[str], *messages: tuple[str, str]) -> None:
        """Adds messages by id and key."""
        self.deliveries.add(
            [(Message(id, "alert.opened", key, 0, b'{"form": "full"}', b'{"form": "thin"}'), webhooks) for id, key in messages]
        )

    def states(self, webhook: str) -> dict[str, str]:
        return {delivery.message.id: delivery.state for delivery in self.deliveries.page(webhook, (), None, 10_000)}

    @contextlib.asynccontextmanager
    async def dispatching(self, now_ms: Callable[[], int] | None = None, lease_s: float = 1.5) -> AsyncIterator[Dispatcher]:
        sending = Sending(allowed=networks("127.0.0.0/8", "networks"), is_plain_allowed=True, waits_ms=SOON, timeout_s=5)
        tenure = Tenure(self.leases, "deliveries", f"holder {next(self.holders)}", lease_s)
        dispatcher = Dispatcher(
            self.webhooks, self.deliveries, tenure, sending, now_ms or (lambda: time.time_ns() // 1_000_000), self.troubles.append
        )
        task = asyncio.create_task(dispatcher.run())
        try:
            yield dispatcher
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@pytest.fixture
def outbox(tmp_path: pathlib.Path) -> Outbox:
    return Outbox(database_in(tmp_path))


class Receiver:
    """Keeps ids, as receivers should, and answers what `status` says."""

    def __init__(self, status: Callable[[str], str] = lambda _: "204 No Content") -> None:
        self.status = status
        self.taken: list[str] = []
        self.requests: list[tuple[dict[str, str], bytes]] = []

    async def __call__(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        pairs = (line.decode().partition(": ") for line in head.split(b"\r\n")[1:])
        headers = {name.lower(): value for name, _, value in pairs}
        self.requests.append((headers, body))
        status = self.status(headers["webhook-id"])
        if status.startswith("2") and headers["webhook-id"] not in self.taken:
            self.taken.append(headers["webhook-id"])
        await answer(writer, status)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.02)


async def test_a_message_reaches_each_webhook_in_its_form_and_is_verified_by_the_public_library(outbox: Outbox) -> None:
    full, thin = Receiver(), Receiver()
    async with server(full) as first, server(thin) as second:
        keys = outbox.webhook("a", first).keys, outbox.webhook("b", second, "thin").keys
        async with outbox.dispatching():
            outbox.add(["a", "b"], ("m1", "card-1"))
            await until(lambda: bool(full.taken and thin.taken))
    for receiver, (_, secret), form in ((full, keys[0], "full"), (thin, keys[1], "thin")):
        headers, body = receiver.requests[0]
        assert Webhook(secret).verify(body, headers) == {"form": form}
        assert headers["webhook-signature"].startswith("v1a,")


@pytest.mark.slow
async def test_receivers_that_fail_at_random_get_everything_in_the_order_of_each_key(outbox: Outbox) -> None:
    chances = random.Random(7)
    receivers = [
        Receiver(lambda _: chances.choice(["204 No Content", "500 No", "302 Found\r\nLocation: http://10.0.0.1/"])) for _ in range(2)
    ]
    async with server(receivers[0]) as first, server(receivers[1]) as second:
        outbox.webhook("a", first)
        outbox.webhook("b", second)
        messages = [(f"m{number:03d}", f"card-{number % 7}") for number in range(100)]
        async with outbox.dispatching(lambda: time.time_ns() // 1_000):  # a clock a thousand times as fast, so that breakers close again
            for number in range(0, 100, 10):
                outbox.add(["a", "b"], *messages[number : number + 10])
            await until(lambda: not outbox.deliveries.pending())
    for receiver in receivers:
        of_key: dict[str, list[str]] = defaultdict(list)
        for id in receiver.taken:
            of_key[dict(messages)[id]].append(id)
        dead = {id for id, state in outbox.states("a" if receiver is receivers[0] else "b").items() if state == "dead"}
        assert set(receiver.taken) | dead == {id for id, _ in messages} and len(dead) < 20
        assert all(ids == sorted(ids) for ids in of_key.values())


class Hesitating(Receiver):
    """Takes a message at once, and answers when `goes_on` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.came = 0
        self.goes_on = asyncio.Event()

    async def __call__(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        self.came += 1
        await self.goes_on.wait()
        await super().__call__(request, writer)


async def test_attempts_under_way_at_the_end_are_waited_for_and_not_made_again(outbox: Outbox) -> None:
    receiver = Hesitating()
    async with server(receiver) as port:
        outbox.webhook("a", port)
        async with outbox.dispatching(lease_s=600):
            outbox.add(["a"], *((f"m{number}", f"card-{number}") for number in range(20)))
            await until(lambda: receiver.came == 20)
            asyncio.get_running_loop().call_later(0.2, receiver.goes_on.set)
        assert set(outbox.states("a").values()) == {"delivered"}
        async with outbox.dispatching(lease_s=600):
            outbox.add(["a"], ("m20", "card-1"))
            await until(lambda: "m20" in receiver.taken)
    assert receiver.came == 21


async def test_a_changed_webhook_gets_nothing_before_the_attempts_of_its_earlier_version_have_ended(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver, later, asked_to_end = Hesitating(), Receiver(), asyncio.Event()
    end = DeliveryLine.end
    monkeypatch.setattr(DeliveryLine, "end", lambda line: (asked_to_end.set(), end(line)))
    async with server(receiver) as port, server(later) as other:
        webhook = outbox.webhook("a", port)
        async with outbox.dispatching(lease_s=600):
            outbox.add(["a"], ("m1", "card-1"), ("m2", "card-1"))
            await until(lambda: receiver.came == 1)
            wish = msgspec.structs.replace(webhook.wish, url=f"http://127.0.0.1:{other}/")
            outbox.webhooks.replace(msgspec.structs.replace(webhook, version=2, wish=wish))
            await asked_to_end.wait()
            await asyncio.sleep(0.5)
            receiver.goes_on.set()
            await until(lambda: outbox.states("a") == {"m1": "delivered", "m2": "delivered"})
    assert (receiver.taken, later.taken) == (["m1"], ["m2"])


async def test_a_receiver_that_never_answers_holds_up_no_other(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_line, "ENDING_S_MAX", 0.2)

    async def silent(request: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3_600)

    quick = Receiver()
    async with server(silent) as first, server(quick) as second:
        outbox.webhook("a", first)
        outbox.webhook("b", second)
        async with outbox.dispatching():
            outbox.add(["a", "b"], *((f"m{number}", f"card-{number}") for number in range(200)))
            await until(lambda: len(quick.taken) == 200)
    assert set(outbox.states("a").values()) == {"pending"}


async def test_a_name_that_no_resolver_answers_about_holds_up_no_other(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question of the system's resolver takes a thread until it is answered, which may be long."""
    answers, asked, ask = threading.Event(), list[str](), socket.getaddrinfo

    def getaddrinfo(host: str, *more: object, **how: object) -> object:
        if host == "slow.invalid":
            asked.append(host)
            answers.wait(60)
            raise OSError("no answer")
        return ask("127.0.0.1", *more, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    quick = Receiver()
    async with server(quick) as port:
        slow = outbox.webhook("a", port)
        wish = msgspec.structs.replace(slow.wish, url=f"http://slow.invalid:{port}/")
        outbox.webhooks.replace(msgspec.structs.replace(slow, version=2, wish=wish))
        named = outbox.webhook("b", port)
        wish = msgspec.structs.replace(named.wish, url=f"http://quick.example:{port}/")
        outbox.webhooks.replace(msgspec.structs.replace(named, version=2, wish=wish))
        async with outbox.dispatching():
            outbox.add(["a"], *((f"s{number}", f"card-{number}") for number in range(60)))
            await until(lambda: bool(asked))
            outbox.add(["b"], *((f"m{number}", f"card-{number}") for number in range(100)))
            await until(lambda: len(quick.taken) == 100)
            assert set(outbox.states("a").values()) == {"pending"} and not answers.is_set()
            answers.set()
    assert len(asked) < 10


async def test_a_receiver_that_is_gone_is_disabled_and_somebody_is_told(outbox: Outbox) -> None:
    receiver = Receiver(lambda _: "410 Gone")
    async with server(receiver) as port:
        outbox.webhook("a", port)
        async with outbox.dispatching():
            outbox.add(["a"], ("m1", "card-1"), ("m2", "card-1"))
            await until(lambda: bool(outbox.troubles))
            await asyncio.sleep(0.5)
    (found,) = outbox.webhooks.all()
    assert (found.wish.state, found.version, len(receiver.requests)) == ("disabled", 2, 1)
    assert "410" in found.why and outbox.troubles[0].is_disabled
    assert outbox.states("a") == {"m1": "gone", "m2": "pending"}


async def test_a_receiver_that_fails_for_days_is_disabled_after_somebody_was_told(outbox: Outbox) -> None:
    receiver = Receiver(lambda _: "500 No")
    hours = [0]
    async with server(receiver) as port:
        outbox.webhook("a", port)
        async with outbox.dispatching(lambda: time.time_ns() // 1_000_000 + hours[0] * 3_600_000):
            outbox.add(["a"], *((f"m{number}", f"card-{number}") for number in range(5)))
            await until(lambda: len(receiver.requests) > 5)
            hours[0] = 7
            await until(lambda: bool(outbox.troubles))
            hours[0] = 6 * 24
            outbox.add(["a"], ("m9", "card-9"))
            await until(lambda: len(outbox.troubles) == 2)
    assert [trouble.is_disabled for trouble in outbox.troubles] == [False, True]
    assert "answered 500" in outbox.webhooks.all()[0].why


async def test_a_disabled_webhook_gets_what_waited_once_it_is_enabled(outbox: Outbox) -> None:
    receiver = Receiver()
    async with server(receiver) as port:
        webhook = outbox.webhook("a", port)
        disabled = msgspec.structs.replace(webhook, version=2, wish=msgspec.structs.replace(webhook.wish, state="disabled"))
        outbox.webhooks.replace(disabled)
        async with outbox.dispatching():
            outbox.add(["a"], ("m1", "card-1"))
            await asyncio.sleep(1)
            assert receiver.requests == []
            outbox.webhooks.replace(msgspec.structs.replace(webhook, version=3))
            await until(lambda: receiver.taken == ["m1"])


async def test_a_store_that_is_away_stops_deliveries_and_they_go_on_afterwards(tmp_path: pathlib.Path) -> None:
    database = FickleDatabase(tmp_path)
    outbox, receiver = Outbox(database), Receiver()
    async with server(receiver) as port:
        outbox.webhook("a", port)
        async with outbox.dispatching():
            outbox.add(["a"], *((f"m{number}", "card-1") for number in range(20)))
            await until(lambda: len(receiver.taken) > 2)
            database.away = True
            await asyncio.sleep(1.5)
            before = len(receiver.taken)
            database.away = False
            await until(lambda: len(receiver.taken) == 20)
    assert before < 20 and receiver.taken == [f"m{number}" for number in range(20)]


@pytest.mark.slow
async def test_of_two_dispatchers_one_sends_and_the_other_goes_on_after_its_end(outbox: Outbox) -> None:
    """The lease lasts so long that it changes hands because it is given up, and not because a busy machine stood still."""
    receiver, dispatching = Receiver(), functools.partial(outbox.dispatching, lease_s=600)
    async with server(receiver) as port:
        outbox.webhook("a", port)
        async with dispatching():
            outbox.add(["a"], ("m1", "card-1"))
            await until(lambda: receiver.taken == ["m1"])
            async with dispatching() as second:
                outbox.add(["a"], *((f"m{number}", f"card-{number}") for number in range(2, 200)))
                await until(lambda: len(receiver.taken) == 199)
                assert not second.is_delivering()
            async with dispatching():
                pass
        async with dispatching() as third:
            outbox.add(["a"], ("m200", "card-1"))
            await until(lambda: receiver.taken[-1] == "m200")
            assert third.is_delivering()
    assert len(receiver.requests) == 200


async def test_a_system_without_webhooks_writes_no_lease_and_begins_to_deliver_with_the_first_one(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher_module, "WEBHOOKS_READ_S", 0.2)
    receiver = Receiver()
    async with server(receiver) as port, outbox.dispatching() as dispatcher:
        await asyncio.sleep(1)
        assert outbox.leases.read("deliveries") is None and not dispatcher.is_delivering()
        webhook = outbox.webhook("a", port)
        outbox.add(["a"], ("m1", "card-1"))
        await until(lambda: receiver.taken == ["m1"])
        off = msgspec.structs.replace(webhook.wish, state="disabled")
        outbox.webhooks.replace(msgspec.structs.replace(webhook, version=2, wish=off))
        await until(lambda: (outbox.leases.read("deliveries") or Lease("x", 0)).holder == "")


async def test_a_dispatcher_that_can_no_longer_renew_its_lease_sends_nothing(outbox: Outbox) -> None:
    """Its store answers, but the lease was taken over, as from a process that stood still for too long."""
    receiver = Receiver()
    async with server(receiver) as port:
        outbox.webhook("a", port)
        async with outbox.dispatching() as dispatcher:
            await until(dispatcher.is_delivering)
            other = "another process"
            await until(lambda: outbox.leases.swap("deliveries", outbox.leases.read("deliveries"), other) is not None)
            await until(lambda: not dispatcher.is_delivering())
            while_other_renews = asyncio.create_task(renew(outbox, other))
            outbox.add(["a"], ("m1", "card-1"))
            await asyncio.sleep(3)
            assert receiver.requests == []
            while_other_renews.cancel()
            await until(lambda: receiver.taken == ["m1"])


async def renew(outbox: Outbox, holder: str) -> None:
    while True:
        outbox.leases.swap("deliveries", outbox.leases.read("deliveries"), holder)
        await asyncio.sleep(0.3)


async def test_an_attempt_that_two_processes_tell_of_ends_neither(outbox: Outbox) -> None:
    outbox.add(["a"], ("m1", "card-1"))
    [delivery] = outbox.deliveries.due("a", 1, 10)
    first = Settled(delivery.number, "a", Attempt(1, 5, 5, 204), "delivered", 9)
    outbox.deliveries.settle([first])
    outbox.deliveries.settle([msgspec.structs.replace(first, state="pending")])
    assert outbox.states("a") == {"m1": "delivered"}


@pytest.mark.parametrize("steps", range(3))
async def test_deliveries_end_when_they_are_told_to_although_messages_have_just_come(outbox: Outbox, steps: int) -> None:
    outbox.webhook("w", 9)
    async with outbox.dispatching() as dispatcher:
        await until(dispatcher.is_delivering)
        [running] = [task for task in asyncio.all_tasks() if "Dispatcher.run" in repr(task.get_coro())]
        await until(lambda: bool(dispatcher._nudged._waiters))
        dispatcher.nudge()
        for _ in range(steps):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait([running], timeout=10)
        assert running.cancelled()
