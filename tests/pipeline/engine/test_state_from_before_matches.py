"""State that was written before what decided was remembered: savepoints go on."""

import base64
import json
import pathlib
from typing import Any

import msgspec
import pytest
from imitation import DictState, Imitation

GIVEN: dict[str, Any] = json.loads(pathlib.Path(__file__).with_name("state_from_before_matches.json").read_text())
"""150 events of three users with corrections, a retraction and some late ones, as the version before wrote their state; what it answered to
repeats of them, and what it decided on the events that came next."""


def state_of(kept: dict[str, Any]) -> DictState:
    state = DictState()
    for key, (head, pages) in kept.items():
        name = base64.b64decode(key)
        state.heads[name] = base64.b64decode(head)
        state.pages[name] = {int(number): base64.b64decode(page) for number, page in pages.items()}
    return state


@pytest.fixture
def job() -> Imitation:
    return going_on(state_of(GIVEN["state"]["entity"]), state_of(GIVEN["state"]["user"]))


def going_on(entity_state: DictState, user_state: DictState) -> Imitation:
    """A job that starts with the state of another one."""
    job = Imitation(entity_state, user_state)
    job.release(1, GIVEN["texts"])
    return job


def sent_again(job: Imitation) -> list[str]:
    """The replies to repeats of events from before."""
    job.out.clear()
    for event in GIVEN["again"]:
        job.events([event.encode()], reply="api")
    return [value.decode() for _, value in job.out["R"]]


def test_repeated_events_are_answered_as_before(job: Imitation) -> None:
    assert sent_again(job) == GIVEN["replies"]


def test_later_events_are_decided_as_before_bit_for_bit(job: Imitation) -> None:
    sent_again(job)
    for event in GIVEN["more"]:
        job.events([event.encode()])
    before: list[dict[str, object]] = [msgspec.json.decode(value) for value in GIVEN["decisions"]]
    left_out = {"decided_by", "match_count", "hold_out", "reasons"}  # added since, and said in other words
    assert [_without(left_out, decision) for decision in job.decisions()] == [_without(left_out, decision) for decision in before]


def _without(names: set[str], decision: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in decision.items() if name not in names}


def test_what_is_written_again_is_read_once_more(job: Imitation) -> None:
    sent_again(job)
    job.checkpoint()
    assert sent_again(going_on(job.entity_state, job.user_state)) == GIVEN["replies"]
