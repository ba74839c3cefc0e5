"""The API of a system with Cassandra reads there what was decided, and goes on without it."""

import collections
import os
import signal

import pytest
from full_profile_system import FullProfile
from score_job_runs import Json, wait_for

from deploy.demo.payments import Payment

pytestmark = pytest.mark.full_profile


def delivered(full: FullProfile, payment: Payment) -> bool:
    return full.api.get(f"/v1/decisions/{payment.payment_id}").status_code == 200


def read_back(full: FullProfile, path: str) -> Json:
    """A read that a node's pause holds up for longer than the API waits is answered 503, and asked again."""
    answers = iter(lambda: full.api.get(path), None)
    answer = next(answer for answer in answers if answer.status_code != 503)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_every_decision_is_read_back_as_it_was_made(full: FullProfile) -> None:
    sent, _ = full.ask(100)
    for payment in sent:
        wait_for(lambda payment=payment: delivered(full, payment), 30, "a decision is not delivered")
    made = full.decided()
    read = {str(payment.payment_id): read_back(full, f"/v1/decisions/{payment.payment_id}") for payment in sent}
    assert read == {id: made[id] for id in read}


def test_an_entitys_score_is_that_of_its_newest_event(full: FullProfile) -> None:
    newest: dict[tuple[str, str], tuple[tuple[int, int], float | None]] = {}
    for decision in full.decided().values():
        place = (decision["event_time"], int(decision["event_id"]))
        named = [(kind, id) for kind, id in decision["entities"].items() if id]
        for kind, id in (("customer_id", decision["user"]), *named):
            if (kind, id) not in newest or newest[kind, id][0] < place:
                newest[kind, id] = place, decision["score"]
    kinds = collections.Counter(kind for kind, _ in newest)
    assert min(kinds["customer_id"], kinds["terminal_id"]) >= 5
    for (kind, id), (place, score) in newest.items():
        answer = read_back(full, f"/v1/scores/{kind}/{id}")
        assert (answer["event_time"], int(answer["event_id"]), answer["score"]) == (*place, score)


def test_while_the_store_stands_still_events_are_decided_and_readers_are_told_at_once(full: FullProfile) -> None:
    [known], _ = full.ask(1)
    wait_for(lambda: delivered(full, known), 30, "a decision is not delivered")
    os.killpg(full.stack.process("cassandra").pid, signal.SIGSTOP)
    try:
        meanwhile, answers = full.ask(100)
        assert [answer["flags"] for answer in answers if "degraded" in answer["flags"]] == []
        for path in (f"/v1/scores/customer_id/{known.customer_id}", f"/v1/decisions/{known.payment_id}", "/v1/flagged"):
            answer = full.api.get(path)
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "1"
            assert "store does not answer" in answer.json()["detail"]
    finally:
        os.killpg(full.stack.process("cassandra").pid, signal.SIGCONT)
    for payment in meanwhile:
        wait_for(lambda payment=payment: delivered(full, payment), 60, "a decision is not delivered after the stop")
