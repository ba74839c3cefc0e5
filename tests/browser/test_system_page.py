"""An operator sees what is wrong and what to do, and sends refused events in again."""

import json
from collections.abc import Iterator

import msgspec
import pytest
from playwright.sync_api import Page, Route, expect
from seeded_console import SeededConsole

from foundation.refusal import Refusal
from pipeline.control.kafka import Outbox, producer_of
from pipeline.jobs.worker import Worker, make
from pipeline.score_job.dead_letter import dead_letter

HOSTILE = "<img src=x onerror=\"document.title='broken'\">\u202e" + "A" * 5_000
UNREADABLE = b"no letter"


@pytest.fixture
def worker(console: SeededConsole) -> Iterator[Worker]:
    made = make(console.system.settings)
    yield made
    made.stop()


def refused(console: SeededConsole, payment: int, what: str = "missing field") -> bytes:
    """The dead letter of a payment that the definitions in force accept."""
    event = {"payment_id": payment, "at": console.system.now_ms, "customer_id": "refused", "terminal_id": "t-1", "device_id": "d-1"}
    event |= {"amount": 12.5, "currency": "EUR", "merchant_category": "online"}
    refusal = Refusal(what, where="amount", expected="a number", got=HOSTILE)
    return dead_letter(refusal, msgspec.json.encode(event), 0, 5, console.system.now_ms)


def test_an_operator_sends_a_dead_letter_in_again_and_it_is_decided(page: Page, console: SeededConsole, worker: Worker) -> None:
    outbox = Outbox(producer_of(console.system.settings))
    for letter in (refused(console, 900_001), refused(console, 900_002, "<b>another</b>"), UNREADABLE):
        outbox.send(console.system.settings.topic("dead-letters"), b"0:5", letter)
    outbox.flush()
    page.goto(f"{console.address}/system")
    page.get_by_role("button", name="Count dead letters").click()
    console.system.wait_for(worker.step, "a job that counts")
    expect(page.locator("#redrive")).to_contain_text("2 dead letters would be accepted now.")
    expect(page.locator("#redrive")).to_contain_text("<b>another</b>")
    assert console.system.client.decision("900001") is None
    page.get_by_role("button", name="Try again: missing field").click()
    console.system.wait_for(worker.step, "a job that sends")
    expect(page.locator("#redrive")).to_contain_text("1 record was sent in again.")
    console.system.wait_for(lambda: console.system.client.decision("900001"), "the decision")
    assert console.system.client.decision("900002") is None


def test_what_is_wrong_is_told_with_what_to_do_and_a_system_that_is_away_is_asked_again(page: Page, console: SeededConsole) -> None:
    page.clock.install()
    page.goto(f"{console.address}/system")
    broker = page.locator("[data-part=broker]")
    expect(broker).to_contain_text("well")
    page.route("**/ready", lambda route: route.abort())
    page.clock.run_for(6_000)
    expect(page.locator("#banners")).to_contain_text("The system does not answer")
    page.unroute("**/ready")
    page.route("**/ready", broken_broker)
    page.clock.run_for(20_000)
    expect(page.locator("#banners")).to_have_text("")
    expect(page.locator("#status")).to_have_text("Events are not decided by their score")
    expect(broker).to_contain_text("<img src=x onerror")
    expect(broker.get_by_text("Is the disk full?")).to_be_visible()
    assert page.title() == "System · Weir"
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.unroute("**/ready")
    page.clock.run_for(6_000)
    expect(page.locator("#status")).to_have_text("Events are decided")


def broken_broker(route: Route) -> None:
    """The answer of ``/ready`` while the broker is away, for a reason that is hostile."""
    ready = route.fetch().json()
    ready["parts"]["broker"] = {"ok": False, "detail": HOSTILE, "since_ms": 1_796_030_403_127}
    route.fulfill(status=503, content_type="application/json", body=json.dumps(ready | {"status": "not_ready"}))
