"""Synchronous decisions, the bypass, lists and the stream of decisions on the whole embedded system."""

import concurrent.futures
import time
from collections.abc import Iterator

import httpx
import msgspec
import pytest
from score_job_runs import wait_for

from api.auth.token import read_token
from deploy.demo.payments import Town
from deploy.local.stack import Stack

SCORED = {"degraded", "duplicate"}


@pytest.fixture
def caller(stack: Stack) -> Iterator[httpx.Client]:
    """One that has the token; the score job runs and has caught up."""
    headers = {"authorization": f"Bearer {read_token(stack.settings)}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{stack.settings.api_port}", headers=headers, timeout=240) as made:
        wait_for(lambda: stack.keep_running() == [] and is_ready(made), 90, "the system is not ready")
        wait_for(lambda: "degraded" not in decide(made, payment())["flags"], 60, "no decision but the fallback")
        yield made


@pytest.fixture
def bypassed(caller: httpx.Client) -> Iterator[int]:
    """The release with the kill switch on; afterwards the one before is in force again, whatever became of the test."""
    before = caller.get("/v1/policy").headers["weir-release"]
    switched = caller.post("/v1/policy:bypass", json={"mode": "approve_all", "reason": "drill"})
    assert switched.status_code == 200, switched.text
    try:
        yield switched.json()["release"]
    finally:
        caller.post("/v1/policy:bypass", json={"mode": "off", "reason": "over"})
        back = caller.post(f"/v1/releases/{before}:activate").json()
    assert caller.get("/v1/policy:bypass").json()["mode"] == "off"
    wait_for(lambda: decide(caller, payment())["release"] == back["release"], 20, "the release before is not in force")


def is_ready(caller: httpx.Client) -> bool:
    try:
        return caller.get("/ready").status_code == 200
    except httpx.TransportError:
        return False


def payment(**more: object) -> dict[str, object]:
    """Of now, with an id that no other has, and entities that no other file of tests has."""
    town = Town(1, customers=5, terminals=5, first_id=time.time_ns() // 1000)
    made = msgspec.json.decode(town.payment(int(time.time() * 1000)).encode())
    return made | {name: f"answered-{made[name]}" for name in ("customer_id", "terminal_id", "device_id")} | more


def decide(caller: httpx.Client, event: dict[str, object], deadline_ms: int = 8_000) -> dict[str, object]:
    answer = caller.post(f"/v1/decisions?deadline_ms={deadline_ms}", json=event)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_retry_gets_the_same_answer_also_from_an_api_that_was_started_anew(stack: Stack, caller: httpx.Client) -> None:
    event = payment()
    first = decide(caller, event)
    again = decide(caller, event)
    before = stack.process("api")
    before.kill()
    wait_for(lambda: stack.keep_running() is not None and is_ready(caller), 60, "the api does not come back")
    assert stack.process("api").pid != before.pid
    after = decide(caller, event)
    assert not SCORED & set(first["flags"])
    for later in (again, after):
        assert "duplicate" in later["flags"]
        assert {name: later[name] for name in ("event_id", "score", "action", "release", "revision")} == {
            name: first[name] for name in ("event_id", "score", "action", "release", "revision")
        }


def test_with_the_pipeline_down_the_fallback_answers_by_the_bypass_and_the_event_is_scored_later(
    stack: Stack, caller: httpx.Client, bypassed: int
) -> None:
    wait_for(lambda: "bypass" in decide(caller, payment())["flags"], 20, "the bypass is not in force")
    answer = decide(caller, payment())
    assert (answer["action"], answer["release"]) == ("approve", bypassed)
    stack.process("task-manager-1").kill()
    event = payment()
    down = decide(caller, event, deadline_ms=500)
    assert (down["action"], down["flags"]) == ("approve", ["degraded", "bypass"])
    wait_for(lambda: stack.keep_running() is not None and is_ready(caller), 90, "the system does not come back")
    wait_for(lambda: caller.get(f"/v1/decisions/{event['payment_id']}").status_code == 200, 60, "an event that was lost")


def test_a_large_list_is_declared_to_every_stage_its_entries_make_no_release_and_decisions_go_on(
    stack: Stack, caller: httpx.Client
) -> None:
    text = "".join(f"card-{number:08d}\n" for number in range(300_000))
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        url, headers = f"http://127.0.0.1:{stack.settings.api_port}", dict(caller.headers)
        putting = pool.submit(httpx.put, f"{url}/v1/lists/blocked_cards", content=text, headers=headers, timeout=120)
        while not putting.done():
            decide(caller, payment())
        put = putting.result()
    assert put.status_code == 200, put.text
    wait_for(lambda: decide(caller, payment())["release"] == put.json()["release"], 20, "the list is not declared")
    edited = caller.post(
        "/v1/lists/blocked_cards:edit", json={"add": ["x"], "remove": ["card-00000000"]}, headers={"if-match": put.headers["etag"]}
    )
    assert (edited.status_code, edited.json()["release"]) == (200, put.json()["release"])
    assert caller.get("/v1/lists").json()["lists"][0]["entries"] == 300_000
    assert caller.delete("/v1/lists/blocked_cards").status_code == 200


def test_a_watcher_that_comes_back_to_another_process_misses_no_decision(stack: Stack, caller: httpx.Client) -> None:
    def follow(sent: list[dict[str, object]], headers: dict[str, str]) -> tuple[list[str], str]:
        wanted, found, last = {str(event["payment_id"]) for event in sent}, [], ""
        with caller.stream("GET", "/v1/stream", headers=headers) as answer:
            if not headers:
                for event in sent:
                    assert caller.post("/v1/events", json=event).status_code == 202
            for line in answer.iter_lines():
                if line.startswith("id: "):
                    last = line[4:]
                elif line.startswith("data: "):
                    id = msgspec.json.decode(line[6:]).get("event_id")
                    found += [id] if id in wanted else []
                if wanted <= set(found):
                    return found, last
        raise AssertionError(f"the stream ended after {len(found)} of {len(wanted)}")

    first = [payment() for _ in range(5)]
    found, last = follow(first, {})
    assert sorted(found) == sorted(str(event["payment_id"]) for event in first)
    missed = [payment() for _ in range(5)]
    for event in missed:
        assert caller.post("/v1/events", json=event).status_code == 202
    stack.process("api").kill()
    wait_for(lambda: stack.keep_running() is not None and is_ready(caller), 60, "the api does not come back")
    found, _ = follow(missed, {"last-event-id": last})
    assert sorted(found) == sorted(str(event["payment_id"]) for event in missed)
