"""Decisions leave nothing behind that only a garbage collection takes away, for a collection holds up all decisions at once."""

import gc

import msgspec
import pytest
from imitation import Imitation

from patterns.entries import Change
from patterns.entries import Entry as ListEntry
from patterns.lists import DECLARATION
from pipeline.flink.dict_state import DictState
from pipeline.log.frame import LogRecord
from pipeline.solo.stages import Stages

START_MS = 1_700_000_000_000
AT_MS = 1 << 50
RULE = "title: A rule\nowner: tests\nstatus: active\n"
TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\nentities: [shop]\n"
    "facts: {who: {vip: boolean}}\nfields: {amount: {type: decimal, scale: 2, retain: true}, note: {type: string, required: false}}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n- {name: at_shop, template: count, entity: shop, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], "
    "parameters: {grace_period: 3}}\n",
    "policy": "score: first_ready(own)\nbands: [{below: 0.9, action: approve}, {action: block}]\nfallback: {action: review}\n",
    "list:watched": DECLARATION,
    "pattern:often": RULE + "when: feature.count_1h > 3.0\nthen: {action: review, reason: '{feature.count_1h} payments'}\n",
    "pattern:listed": RULE + "when: event.note in list.watched\nthen: {action: block}\n",
    "pattern:vip": RULE + "when: '!entity.who.vip'\nthen: {action: review}\n",
    "pattern:rising": RULE + "sequence:\n  within: 2h\n  steps:\n    - {name: low, when: event.amount < 40.0, times: 2+}\n"
    "    - {name: high, when: event.amount > 2.0 * low.mean(event.amount), gap: 1h}\nthen: {action: review}\n",
}


class Listed:
    """Gives one entry of a list."""

    def __init__(self) -> None:
        self._changes = [Change("watched", "bad", ListEntry("watched", "bad", None))]

    def start(self) -> None:
        """Nothing waits for the entry."""

    def take(self) -> list[Change]:
        changes, self._changes = self._changes, []
        return changes


@pytest.fixture
def stages() -> Stages:
    made = Stages(DictState(), DictState(), clock=lambda: 1_700_000_000.0, entries=Listed())
    records = enumerate(Imitation.records_of(1, TEXTS))
    made.control([LogRecord(at, 0, "control", key.encode(), value, ()) for at, (_, key, value) in records])
    return made


def decide(stages: Stages, first: int, end: int) -> list[dict[str, object]]:
    """The decisions on events of four users, decided five at a time."""
    decisions = []
    for start in range(first, end, 5):
        events = [
            {"id": id, "at": START_MS + 1_000 * id, "who": f"u{id % 4}", "shop": f"s{id % 3}", "amount": 10.0 + id}
            | {"note": ("good", "bad")[id % 2]}
            for id in range(start, start + 5)
        ]
        records = [LogRecord(at, AT_MS, "events", b"u", msgspec.json.encode(event), ()) for at, event in enumerate(events, start)]
        decisions += [msgspec.json.decode(entry.value or b"") for entry in stages.events(records).entries]
    return decisions


def test_decisions_by_all_kinds_of_rules_leave_no_cycles_of_objects(stages: Stages) -> None:
    decide(stages, 0, 40)  # what is made once is made by then
    gc.collect()
    gc.disable()
    try:
        decisions = decide(stages, 40, 80)
        left = gc.collect()
    finally:
        gc.enable()
    matched = {match["pattern"] for decision in decisions for match in decision["matches"]}  # type: ignore[attr-defined]
    assert matched >= {"often", "listed", "vip"}
    assert left == 0
