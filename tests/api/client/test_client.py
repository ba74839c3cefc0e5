"""The Python client against a running system."""

import time
from collections.abc import Iterator

import msgspec
import pytest

from api.client.client import Client
from deploy.command import SAMPLES
from deploy.demo.payments import Payment, Town
from foundation.refusal import Refusal
from weir.testing import System


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with System(SAMPLES / "payments") as running:
        yield running


@pytest.fixture
def client(system: System) -> Client:
    return system.client


@pytest.fixture
def payment() -> Payment:
    return Town(1, customers=5, terminals=5, first_id=time.time_ns() // 1000).payment(int(time.time() * 1000))


def test_a_decision_is_given_again_and_read_back_with_the_scores_of_its_entities(system: System, client: Client, payment: Payment) -> None:
    event = msgspec.json.decode(payment.encode())
    first = client.decide(event, deadline_ms=10_000)
    again = client.decide(msgspec.json.encode(event), deadline_ms=10_000)  # an amount of 36.10, written so, would be another body
    assert first.flags == [] or "degraded" not in first.flags
    assert (again.event_id, again.score, again.action) == (first.event_id, first.score, first.action)
    kept = system.wait_for(lambda: client.decision(first.event_id), "a decision that is delivered")
    assert (kept["score"], kept["action"]) == (first.score, first.action)
    score = client.score("customer_id", payment.customer_id)
    assert score is not None
    assert score.event_id == first.event_id
    assert client.score("customer_id", "nobody/at all") is None


def test_events_and_labels_are_taken_and_flagged_decisions_come_in_pages(system: System, client: Client, payment: Payment) -> None:
    client.send(payment.encode())
    system.wait_for(lambda: client.decision(payment.payment_id), "a decision that is delivered")
    client.label(payment.payment_id, 1)
    page = client.flagged(limit=1)
    assert len(page.decisions) <= 1
    if page.next is not None:
        assert client.flagged(limit=1, cursor=page.next).decisions != page.decisions


@pytest.mark.slow
def test_what_the_api_refuses_is_a_refusal_with_its_words(client: Client, system: System) -> None:
    with pytest.raises(Refusal) as refused:
        client.decide({"payment_id": "x"})
    assert refused.value.what
    with pytest.raises(Refusal, match=r"features.yaml:1:23: .*did you mean count"):
        client.put({"features": "- {name: a, template: cuont, window: 1h}"})
    with pytest.raises(Refusal, match="401"), Client(f"http://{system.settings.api_address()}", "not-the-token-at-all") as stranger:
        stranger.flagged()
