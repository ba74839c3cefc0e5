"""An exception that nobody foresaw, on chosen events at each step of the stages: it costs these events, and no other answer changes."""

import base64
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from imitation import DictState, Imitation

from features.profiles import profiles as profile
from features.profiles.codec import VERSION
from pipeline.engine import scorer
from pipeline.engine.decisions.decision import Decision
from pipeline.engine.isolation import FAULT_MET, NoRecordsFaultError
from pipeline.engine.profile_store import UnreadableStateError
from pipeline.engine.steps import feature_step, model_step, policy_step, record_step
from pipeline.flink.state import OutspokenState, StateFailedError
from pipeline.score_job import decode, entity, labels, undoable, user
from pipeline.wire.bundle import write_bundle
from pipeline.wire.frames import read_frames

TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [shop]
fields: {amount: {type: decimal, scale: 2, retain: true}}
lateness: 10m
""",
    "features": """
- {name: sum_1h, template: sum, value: event.amount, window: 1h}
- {name: least_1d, template: min, value: event.amount, window: 1d}
- {name: different_1d, template: distinct, value: event.shop, window: 1d}
- {name: rank_1d, template: quantile_rank, value: event.amount, window: 1d}
- {name: risk, template: label_rate, window: {length: 1d, delay: 1m}}
- {name: shop_count_1h, template: count, entity: shop, window: 1h}
""",
    "models": """
- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 2}}
""",
    "policy": """
score: first_ready(own)
bands: [{below: 0.5, action: approve}, {below: 0.9, action: review}, {action: block}]
fallback: {action: review}
""",
}
MORE = TEXTS | {"features": TEXTS["features"] + "- {name: most_1h, template: max, value: event.amount, window: 1h}\n"}
START_MS = 1_700_000_000_000
POISON = 666_66
"""The amount of events that raise, in cents."""


class _UnforeseenError(Exception):
    pass


def _raise_after(target: Any, name: str, poisoned: Callable[..., bool]) -> tuple[Any, str, Callable[..., Any]]:
    """`name` of `target`, which does its work and then raises where `poisoned` says so of its arguments."""
    original = getattr(target, name)

    def planted(*arguments: Any, **named: Any) -> Any:
        done = original(*arguments, **named)
        if poisoned(*arguments):
            raise _UnforeseenError("planted")
        return done

    return target, name, planted


def _in_numbers(batch: Any) -> bool:
    return bool(batch.numbers.size and (batch.numbers == POISON).any())


STEPS = {
    "decoding": lambda: _raise_after(decode.Decoder, "decode", lambda self, value, *_: b"666.66" in value),
    "messages": lambda: _raise_after(decode, "_kinds_of", lambda release, batch: _in_numbers(batch)),
    "reading": lambda: _raise_after(user.bodies_of(decode_release().schema).__class__, "read", lambda self, bodies: _any(bodies)),
    "features": lambda: _raise_after(feature_step.FeatureStep, "run", lambda self, turn, verdicts: _in_numbers(turn.batch)),
    "kernel": lambda: _raise_after(profile.Profiles, "observe", lambda self, slots, batch, *_: _in_numbers(batch)),
    "keyed model": lambda: _raise_after(model_step, "score_keyed", lambda model, profiles, slots, x, *_: bool((x == 666.66).any())),
    "policy": lambda: _raise_after(policy_step, "_take_back", lambda verdicts: _in_inputs(verdicts)),
    "reasons": lambda: _raise_after(policy_step, "find_reasons", lambda verdicts: _in_inputs(verdicts)),
    "remembering": lambda: _raise_after(record_step, "remember", lambda verdicts, *_: _in_inputs(verdicts)),
    "explanation": lambda: _raise_after(user, "decisions_of", lambda verdicts, *_: _in_inputs(verdicts)),
    "encoding": lambda: _raise_after(user, "_encode", lambda each: 666.66 in _numbers_of(each)),
}


def _any(bodies: Any) -> bool:
    return any(b"666.66" in bytes(body) for body in bodies)


def _numbers_of(each: Any) -> list[Any]:
    return list(msgspec.to_builtins(each.event).values()) if isinstance(each, Decision) else []


def _in_inputs(verdicts: Any) -> bool:
    return bool((verdicts.inputs["own"] == 666.66).any())


def decode_release() -> Any:
    job = Imitation()
    job.release(1, TEXTS)
    return job.decode.definitions.newest


@contextmanager
def planted(step: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(*STEPS[step]())
        yield


def made(rows: list[tuple[int, int, int, bool, int]]) -> list[list[dict[str, Any]]]:
    """Bundles of events: (user, minutes, amount in cents, poisoned, bundle)."""
    bundles: dict[int, list[dict[str, Any]]] = {}
    for id, (who, minutes, cents, poisoned, bundle) in enumerate(rows):
        amount = 666.66 if poisoned else cents / 100
        event = {"id": id, "at": START_MS + 60_000 * minutes, "who": f"u{who}", "shop": f"s{id % 3}", "amount": amount}
        bundles.setdefault(bundle, []).append(event)
    return [bundles[number] for number in sorted(bundles)]


def run(bundles: list[list[dict[str, Any]]], without: bool, release_2_at: int = -1) -> Imitation:
    """The stages over `bundles`; `without`: the user stage is not given the poisoned ones."""
    job = Imitation()
    job.release(1, TEXTS)
    decide = job._decide
    if without:
        job._decide = lambda events, answers: decide([e for e in events if b"666.66" not in e[1]], answers)  # type: ignore[method-assign]
    for number, bundle in enumerate(bundles):
        if number == release_2_at:
            job.release(2, MORE)
        if number == 1:
            label = {"event_id": "0", "id_key": 0, "event_time": START_MS, "label": 1, "label_time": START_MS, "user": "u0"}
            job.labels([("who", "u0", label)], "who")
        job.events([msgspec.json.encode(event) for event in bundle])
    return job


ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 90), st.integers(1, 5_000), st.integers(0, 9).map(lambda n: n == 0), st.integers(0, 4)),
    min_size=1,
    max_size=60,
)


@pytest.mark.slow
@settings(max_examples=examples(30))
@given(
    step=st.sampled_from([step for step in STEPS if step not in ("decoding", "messages")]),
    small=st.sampled_from([0, 64]),
    rows=ROWS,
    release_2_at=st.integers(-1, 4),
)
def test_other_events_of_the_user_stage_are_answered_as_without_those_that_raise(
    step: str, small: int, rows: Any, release_2_at: int
) -> None:
    """`small`: bundles of up to so many events are written at once, larger ones before a checkpoint."""
    bundles = made(rows)
    clean = run(bundles, without=True, release_2_at=release_2_at)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.engine.profile_store.SMALL_EVENTS", small)
        with planted(step):
            job = run(bundles, without=False, release_2_at=release_2_at)
    assert job.out.get("D", []) == clean.out.get("D", [])
    poisoned = sum(event["amount"] == 666.66 for bundle in bundles for event in bundle)
    assert len(job.out.get("X", [])) == poisoned or step == "encoding"  # nothing is encoded of an event that comes too late


def letters(job: Imitation) -> list[dict[str, Any]]:
    return [msgspec.json.decode(value) for _, value in job.out.get("X", [])]


def payments(count: int, poisoned: tuple[int, ...] = (), first: int = 0) -> list[dict[str, Any]]:
    draw = random.Random(count)
    return [
        {
            "id": id,
            "at": START_MS + 1_000 * id,
            "who": f"u{draw.randrange(9)}",
            "shop": "s",
            "amount": 666.66 if id in poisoned else 5 + id % 7,
        }
        for id in range(first, first + count)
    ]


@pytest.mark.parametrize("step", ["decoding", "messages"])
def test_other_events_of_the_decode_stage_are_decided_as_without_those_that_raise(step: str) -> None:
    events = payments(100, poisoned=(3, 50, 51, 99))
    clean = run([[event for event in events if event["amount"] != 666.66]], without=False)
    with planted(step):
        job = run([events], without=False)
    assert job.out["D"] == clean.out["D"]
    assert [base64.b64decode(letter["value"]) for letter in letters(job)] == [msgspec.json.encode(events[id]) for id in (3, 50, 51, 99)]
    assert {letter["offset"] for letter in letters(job)} == {3, 50, 51, 99}


@pytest.mark.parametrize("step", STEPS)
def test_an_event_that_raises_is_kept_with_the_last_line_of_its_traceback_and_its_caller_is_answered(step: str) -> None:
    job = Imitation()
    job.release(1, TEXTS)
    event = msgspec.json.encode(payments(1, poisoned=(0,))[0])
    with planted(step):
        job.events([event], reply="me/1")
    reason = next(letter for letter in letters(job) if letter["reason"]["what"] == "raised")
    assert "_UnforeseenError: planted" in reason["reason"]["got"]
    assert reason["release"] == "1"
    assert event in base64.b64decode(reason["value"]) or reason["topic"] == entity.MESSAGES
    if step != "reading":  # then nobody can tell who waits
        [(name, reply)] = job.out["R"]
        answer = msgspec.json.decode(reply)
        assert (name, answer["action"]) == ("me/1", "review")
        assert answer["reasons"] == [FAULT_MET] or step == "kernel"
        assert "planted" not in reply.decode()


def test_an_entity_at_which_an_event_raises_is_missing_from_its_decision_and_knows_nothing_of_it(monkeypatch) -> None:
    events = payments(100, poisoned=(20, 70))
    clean = run([[event for event in events if event["amount"] != 666.66]], without=False)
    observe = scorer.Scorer.observe

    def raising(self: Any, release: Any, kind: str, keys: Any, batch: Any, *more: Any) -> Any:
        answers = observe(self, release, kind, keys, batch, *more)
        if np.isin(batch.id_keys, (20, 70)).any():
            raise _UnforeseenError("planted")
        return answers

    monkeypatch.setattr(scorer.Scorer, "observe", raising)
    job = run([events], without=False)
    decided = {decision["event_id"]: decision for decision in job.decisions()}
    assert len(decided) == 100
    assert all("degraded" in decided[id]["flags"] for id in ("20", "70"))  # type: ignore[operator]
    assert decided["70"]["features"]["shop_count_1h"] is None  # type: ignore[index]
    counts = {decision["event_id"]: decision["features"]["shop_count_1h"] for decision in clean.decisions()}  # type: ignore[index]
    assert {id: decided[id]["features"]["shop_count_1h"] for id in counts} == counts  # type: ignore[index]
    assert [letter["topic"] for letter in letters(job)] == [entity.MESSAGES] * 2


def test_dead_letters_count_how_many_events_in_a_row_raised_under_their_release(monkeypatch) -> None:
    job = Imitation()
    job.release(1, TEXTS)
    monkeypatch.setattr(*STEPS["policy"]())
    for bundle in (payments(4, poisoned=(1, 2, 3)), payments(2, poisoned=(4, 5), first=4), payments(2, poisoned=(7,), first=6)):
        job.events([msgspec.json.encode(event) for event in bundle])
    assert [letter["in_a_row"] for letter in letters(job)] == ["1", "2", "3", "4", "5", "1"]
    job.release(2, MORE)
    job.events([msgspec.json.encode(event) for event in payments(1, poisoned=(8,), first=8)])
    assert (letters(job)[-1]["release"], letters(job)[-1]["in_a_row"]) == ("2", "1")


def test_what_is_kept_for_undoing_has_a_bound(monkeypatch) -> None:
    monkeypatch.setattr(undoable, "BYTES_MAX", 100_000)
    monkeypatch.setattr("pipeline.engine.profile_store.SMALL_EVENTS", 0)
    job = Imitation()
    job.release(1, TEXTS)
    for first in range(0, 2_000, 100):
        job.events([msgspec.json.encode(event) for event in payments(100, first=first)])
        assert sum(again.bytes for again in job.user._bundles._unwritten) <= 100_000
    assert len(job.user_state.heads) == 9


def test_a_label_that_raises_costs_itself(monkeypatch) -> None:
    job = Imitation()
    job.release(1, TEXTS)
    job.events([msgspec.json.encode(event) for event in payments(9)])
    give = labels._give

    def raising(release: Any, engine: Any, kind: str, keys: list[str], rows: list[Any]) -> None:
        give(release, engine, kind, keys, rows)
        if any(row.event_id == "3" for row in rows):
            raise _UnforeseenError("planted")

    monkeypatch.setattr(labels, "_give", raising)
    frames = b""
    for id in (2, 3, 4):
        label = {"event_id": str(id), "id_key": id, "event_time": START_MS + 1_000 * id, "label": 1, "label_time": START_MS, "user": "u1"}
        name = b"who\0u1"
        body = len(name).to_bytes(2, "little") + name + msgspec.json.encode(label)
        frames += job.user.process(write_bundle("L", [body]))
    [(tag, _, payload)] = read_frames(frames)
    letter = msgspec.json.decode(payload)
    assert (tag, letter["topic"], letter["reason"]["what"]) == ("X", "labels-resolved", "raised")
    assert msgspec.json.decode(base64.b64decode(letter["value"]))["event_id"] == "3"


class _Broken(DictState):
    def read(self, keys: bytes) -> bytes:
        raise OSError("the disk is full")


def test_a_state_that_fails_is_blamed_on_no_event() -> None:
    job = Imitation()
    job.user = user.UserStage(OutspokenState(_Broken()))
    job.release(1, TEXTS)
    with pytest.raises(StateFailedError, match="disk is full"):
        job.events([msgspec.json.encode(event) for event in payments(3)])
    assert issubclass(StateFailedError, NoRecordsFaultError)
    assert letters(job) == []


class _OfAnotherVersion(DictState):
    def read(self, keys: bytes) -> bytes:
        return super().read(keys).replace(VERSION.to_bytes(8, "little"), (VERSION + 1).to_bytes(8, "little"))


def test_a_kept_profile_of_another_version_is_blamed_on_no_event_and_the_remedy_is_said() -> None:
    state = _OfAnotherVersion()
    first, later = Imitation(), Imitation()
    for job in (first, later):
        job.user = user.UserStage(state)
        job.release(1, TEXTS)
    first.events([msgspec.json.encode(event) for event in payments(3)])
    first.checkpoint()
    with pytest.raises(UnreadableStateError, match=r"expected a head of version .* go back to the version of Weir that wrote this state"):
        later.events([msgspec.json.encode(event) for event in payments(3)])
    assert letters(later) == []


def test_too_little_memory_is_blamed_on_no_event(monkeypatch) -> None:
    def full(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(record_step, "remember", full)
    job = Imitation()
    job.release(1, TEXTS)
    with pytest.raises(MemoryError):
        job.events([msgspec.json.encode(event) for event in payments(3)])
    assert letters(job) == []
