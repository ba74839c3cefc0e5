"""The stages of a solo system hand columns to each other: all that leaves them is what leaves the stages that exchange bytes."""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from imitation import Imitation

from features.schema.batch import Batch
from pipeline.engine.scorer import Scorer
from pipeline.flink.dict_state import DictState
from pipeline.log.frame import Entry, LogRecord
from pipeline.score_job import decode, user
from pipeline.solo.stages import Stages
from pipeline.wire.declaration import Tag

pytestmark = pytest.mark.slow

TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\nentities: [shop, device]\n"
    "fields: {amount: {type: decimal, scale: 2, retain: true}}\nlateness: 10m\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n"
    "- {name: shop_count_1h, template: count, entity: shop, window: 1h}\n"
    "- {name: device_sum_1h, template: sum, value: event.amount, entity: device, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], "
    "parameters: {grace_period: 3}}\n",
    "policy": "score: first_ready(own)\nbands: [{below: 0.5, action: approve}, {action: block}]\nfallback: {action: review}\n",
}
START_MS = 1_700_000_000_000
AT_MS = 1 << 50
POISONED = (7, 8, 21)


def payment(id: int, amount: float, **more: object) -> bytes:
    shop, device = f"s{id % 2}" if id % 5 else None, f"d{id % 3}" if id % 4 else None
    event = {"id": id, "at": START_MS + 60_000 * (id % 1_000), "who": f"u{id % 3}", "shop": shop, "device": device, "amount": amount}
    return msgspec.json.encode(event | more)


PAYMENTS = [payment(id, 666.66 if id in POISONED else id) for id in range(40)]
MIXED = [*PAYMENTS, PAYMENTS[3], payment(4, 999), b'{"id"', payment(50, 1, at=1), payment(5, 6, op="correct"), payment(6, 6, op="retract")]


class Solo:
    """Stages as a solo system has them, and what left them, as `OneProcess` keeps it."""

    def __init__(self) -> None:
        self.entity_state, self.user_state = DictState(), DictState()
        self.stages = Stages(self.entity_state, self.user_state, clock=lambda: 1_700_000_000.0)
        records = enumerate(Imitation.records_of(1, TEXTS))
        self.stages.control([LogRecord(at, 0, "control", key.encode(), value, ()) for at, (_, key, value) in records])
        self.entries: list[Entry] = []
        self.replies: list[tuple[str, bytes]] = []
        self._ordinal = 0

    def events(self, values: list[bytes], reply: str = "") -> None:
        headers = (("weir-reply", reply.encode()),) if reply else ()
        records = [LogRecord(self._ordinal + at, AT_MS, "events", b"u", value, headers) for at, value in enumerate(values)]
        self._ordinal += len(values)
        outcome = self.stages.events(records)
        self.entries += outcome.entries
        self.replies += outcome.replies

    def of(self, topic: str) -> list[tuple[str, bytes]]:
        return [(entry.key.decode(), entry.value or b"") for entry in self.entries if entry.topic == topic]


def by_bytes(values: list[bytes], size: int) -> Imitation:
    job = Imitation()
    job.release(1, TEXTS)
    for at in range(0, len(values), size):
        job.events(values[at : at + size], at_ms=AT_MS, reply="api-1/1")
    return job


def by_columns(values: list[bytes], size: int) -> Solo:
    job = Solo()
    for at in range(0, len(values), size):
        job.events(values[at : at + size], reply="api-1/1")
    return job


def _letters(records: list[tuple[str, bytes]]) -> list[tuple[str, str]]:
    """Keys and values in any order. How many messages raised in a row depends on how those to several kinds of entities are bundled."""
    decoded = [(key, msgspec.json.decode(value)) for key, value in records]
    return sorted((key, str(value | {"in_a_row": ""})) for key, value in decoded)


def require_equal(solo: Solo, job: Imitation) -> None:
    assert solo.of("decisions") == job.out[Tag.DECISION]
    assert sorted(solo.replies) == sorted(job.out[Tag.REPLY])
    assert solo.of("late") == job.out.get(Tag.LATE, [])
    assert _letters(solo.of("dead-letters")) == _letters(job.out.get(Tag.DEAD_LETTER, []))
    solo.stages.checkpoint()
    job.checkpoint()
    assert (solo.entity_state.heads, solo.user_state.heads) == (job.entity_state.heads, job.user_state.heads)


@pytest.mark.parametrize("size", [1, 7, 46])
def test_decisions_replies_late_events_dead_letters_and_profiles_are_those_of_stages_that_exchange_bytes(size: int) -> None:
    require_equal(by_columns(MIXED, size), by_bytes(MIXED, size))


def _after(call: Callable[..., Any], is_bad: Callable[..., bool]) -> Callable[..., Any]:
    """Does what `call` does, and then raises where `is_bad` says so of the arguments."""

    def planted(*arguments: Any) -> Any:
        done = call(*arguments)
        if is_bad(*arguments):
            raise ValueError("planted")
        return done

    return planted


def _is_poisoned(batch: Batch) -> bool:
    return bool(np.isin(batch.id_keys, POISONED).any())


PLANTED: dict[str, tuple[Any, str, Callable[..., bool]]] = {
    "decoder": (decode.Decoder, "decode", lambda self, value, *_: b"666.66" in value),
    "messages": (decode, "_kinds_of", lambda release, batch: _is_poisoned(batch)),
    "entities": (Scorer, "observe", lambda self, release, kind, keys, batch, values: _is_poisoned(batch)),
    "decisions": (user, "decisions_of", lambda verdicts, batch, *_: _is_poisoned(batch)),
}


@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("where", PLANTED)
def test_an_event_that_raises_leaves_what_it_leaves_where_stages_exchange_bytes(where: str, size: int, monkeypatch) -> None:
    owner, name, is_bad = PLANTED[where]
    monkeypatch.setattr(owner, name, _after(getattr(owner, name), is_bad))
    solo, job = by_columns(PAYMENTS, size), by_bytes(PAYMENTS, size)
    assert len(job.out[Tag.DEAD_LETTER]) >= len(POISONED)
    require_equal(solo, job)
