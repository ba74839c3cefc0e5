"""The whole system with Cassandra as its store: delivered there, read from there, and decided without it."""

import collections
import os
import signal
import time
from collections.abc import Iterator

import httpx
import msgspec
import pytest
from score_job_runs import Json, records, wait_for
from servers_of_a_test import UNHURRIED_MS

from api.auth.token import read_token
from deploy.command import SAMPLES
from deploy.demo.payments import Payment, Town
from deploy.local.releases import read_folder
from deploy.local.stack import Stack, free_settings

pytestmark = pytest.mark.full_profile

TOWN = Town(1, customers=30, terminals=10, first_id=time.time_ns() // 1000)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = free_settings(tmp_path_factory.mktemp("full"), store="cassandra", checkpoint_interval_ms=2_000, entity_wait_ms=UNHURRIED_MS)
    with Stack(settings, read_folder(SAMPLES / "payments"), print, servers=("cassandra",), delivers=False) as stack:
        yield stack


@pytest.fixture(scope="module")
def api(full: Stack) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {read_token(full.settings)}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{full.settings.api_port}", headers=headers, timeout=30, trust_env=False) as client:
        yield client


def payments(count: int) -> list[Payment]:
    return [TOWN.payment(int(time.time() * 1000)) for _ in range(count)]


def decide(api: httpx.Client, some: list[Payment]) -> list[Json]:
    """The answers to synchronous calls, one after the other."""
    answers = [api.post("/v1/decisions?deadline_ms=5000", content=payment.encode()) for payment in some]
    assert {answer.status_code for answer in answers} == {200}
    return [answer.json() for answer in answers]


def delivered(api: httpx.Client, payment: Payment) -> bool:
    return api.get(f"/v1/decisions/{payment.payment_id}").status_code == 200


def read_back(api: httpx.Client, path: str) -> Json:
    """A read that a node's pause holds up for longer than the API waits is answered 503, and asked again."""
    answers = iter(lambda: api.get(path), None)
    answer = next(answer for answer in answers if answer.status_code != 503)
    assert answer.status_code == 200, answer.text
    return answer.json()


def on_topic(stack: Stack) -> dict[str, Json]:
    """The first decision on each event, as its topic has it."""
    found: dict[str, Json] = {}
    for message in records(stack.settings, "decisions"):
        decision = msgspec.json.decode(message.value() or b"")
        found.setdefault(decision["event_id"], decision)
    return found


def test_every_decision_is_read_back_as_it_was_made(full: Stack, api: httpx.Client) -> None:
    sent = payments(200)
    decide(api, sent)
    for payment in sent:
        wait_for(lambda payment=payment: delivered(api, payment), 30, "a decision is not delivered")
    made = on_topic(full)
    read = {str(payment.payment_id): read_back(api, f"/v1/decisions/{payment.payment_id}") for payment in sent}
    assert read == {id: made[id] for id in read}


def test_an_entitys_score_is_that_of_its_newest_event(full: Stack, api: httpx.Client) -> None:
    newest = {}
    for decision in on_topic(full).values():
        place = (decision["event_time"], int(decision["event_id"]))
        named = [(kind, id) for kind, id in decision["entities"].items() if id]
        for kind, id in (("customer_id", decision["user"]), *named):
            newest[kind, id] = max(newest.get((kind, id), (place, None)), (place, decision["score"]))
    kinds = collections.Counter(kind for kind, _ in newest)
    assert min(kinds["customer_id"], kinds["terminal_id"]) >= 5
    for (kind, id), (place, score) in newest.items():
        answer = read_back(api, f"/v1/scores/{kind}/{id}")
        assert (answer["event_time"], int(answer["event_id"]), answer["score"]) == (*place, score)


def test_while_the_store_stands_still_events_are_decided_and_readers_are_told_at_once(full: Stack, api: httpx.Client) -> None:
    [known] = payments(1)
    decide(api, [known])
    wait_for(lambda: delivered(api, known), 30, "a decision is not delivered")
    os.killpg(full.process("cassandra").pid, signal.SIGSTOP)
    try:
        meanwhile = payments(100)
        answers = decide(api, meanwhile)
        assert [answer["flags"] for answer in answers if "degraded" in answer["flags"]] == []
        seconds = []
        for path in (f"/v1/scores/customer_id/{known.customer_id}", f"/v1/decisions/{known.payment_id}", "/v1/flagged"):
            began = time.perf_counter()
            answer = api.get(path)
            seconds.append(time.perf_counter() - began)
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "1"
            assert "store does not answer" in answer.json()["detail"]
        print(f"while the store stands still, reads are answered in {[round(each * 1000) for each in seconds]} ms")
    finally:
        os.killpg(full.process("cassandra").pid, signal.SIGCONT)
    for payment in meanwhile:
        wait_for(lambda payment=payment: delivered(api, payment), 60, "a decision is not delivered after the stop")


def test_a_store_that_was_killed_comes_back_and_has_everything(full: Stack, api: httpx.Client) -> None:
    before = payments(50)
    decide(api, before)
    full.process("cassandra").kill()
    meanwhile = payments(100)
    decide(api, meanwhile)
    assert full.keep_running() == ["cassandra"]
    for payment in before + meanwhile:
        wait_for(lambda payment=payment: delivered(api, payment), 90, "a decision is not delivered after the kill")
    assert len(on_topic(full)) == 200 + 1 + 100 + 150
