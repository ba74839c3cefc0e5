"""A label takes an event out of what is usual for its user, or puts it in: alike in replay, in the stages, and after a restart."""

import functools
import random
from typing import Any, cast

import msgspec
import numpy as np
import pytest
from imitation import Imitation

from features.schema.batch import Batch
from features.schema.decode import Decoder
from patterns.thresholds.threshold import THRESHOLD, USUAL, VALUE, WEIGHT
from pipeline.engine.definitions.release import compile_release
from pipeline.engine.event_keys import Labels
from pipeline.follow.follow import DecisionsSoFar
from pipeline.follow.recorded_stamps import Recorded
from pipeline.learning.label_record import LabelRecord
from pipeline.learning.label_resolver import LabelResolver
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import History
from pipeline.wire.declaration import Kind
from stores.decisions import Decisions

START_MS, STEP_MS = 1_700_000_000_000, 60_000
RULE = (
    "title: More than usual\nowner: tests\nstatus: active\nadaptive: {usual: {of: event.amount, rate: 1/20, half_life: 1d}}\n"
    "when: event.amount > adaptive.usual\nmissing: false\nthen: {action: review}\n"
)
TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\nentities: [shop]\n"
    "fields: {amount: {type: decimal, scale: 2, retain: true}}\nlateness: 10m\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}",
    "policy": "{score: first_ready(own), bands: [{action: approve}]}",
    "pattern:odd": RULE,
    "pattern:held": "title: Held\nowner: tests\nstatus: active\nwhen: event.amount > 90.0\nthen: {action: review}\n",
}
EVENTS = 120
Told = tuple[int, int, int]
"""Id of an event, its label, and the time of that."""


def values() -> list[bytes]:
    draw = random.Random(4)
    amounts = [round(draw.choice([10.0, 20.0, 60.0, 95.0]) * draw.uniform(0.8, 1.2), 2) for _ in range(EVENTS)]
    return [
        msgspec.json.encode({"id": id, "at": START_MS + id * STEP_MS, "who": f"u{id % 4}", "shop": "s", "amount": amount})
        for id, amount in enumerate(amounts)
    ]


def labels() -> list[Told]:
    """Of every second event, some time later; some are taken back later still."""
    draw = random.Random(5)
    told = [(id, draw.randrange(2), START_MS + (id + draw.randrange(1, 50)) * STEP_MS) for id in range(0, EVENTS, 2)]
    again = [(id, 1 - label, at + draw.randrange(1, 30) * STEP_MS) for id, label, at in told[::3]]
    return sorted([*told, *again], key=lambda each: each[2])


def as_labels(told: list[Told]) -> Labels:
    ids, what, times_ms = (np.array(each, np.int64) for each in zip(*told, strict=True))
    return Labels(ids, what.astype(np.int8), times_ms, [f"u{id % 4}" for id, _, _ in told])


@functools.cache
def replayed(with_labels: bool = True) -> list[list[float]]:
    """What was known of the threshold of each event in a replay: its value, the usual one, the weight and the threshold."""
    release = compile_release(1, TEXTS)
    decoder = Decoder(release.schema)
    history = History(Batch.of([decoder.decode(value, 1 << 50) for value in values()], release.schema))
    replay = Replay(release, history, as_labels(labels()) if with_labels else None)
    parts = [verdicts.thresholds["odd.usual"][:, [VALUE, USUAL, WEIGHT, THRESHOLD]] for verdicts, _ in replay.scored()]
    return cast(list[list[float]], np.nan_to_num(np.vstack(parts), nan=-1.0).tolist())


class Live:
    """The three stages with the job that resolves labels, which may be killed and come back from their state."""

    def __init__(self) -> None:
        self.decided: list[dict[str, Any]] = []
        self._store = DecisionsSoFar()
        self._job = self._begun(Imitation())
        self._labels = LabelResolver(cast(Decisions, self._store), self._job.user.definitions, 60_000, lambda: 0)
        self._offset = 0

    def event(self, value: bytes) -> None:
        self._job.events([value])
        for _, decision in self._job.out.pop("D"):
            self._store.add(msgspec.json.decode(decision, type=Recorded), decision, "who")
            self.decided.append(msgspec.json.decode(decision))

    def label(self, told: Told) -> None:
        value = msgspec.json.encode({"event_id": str(told[0]), "label": told[1], "label_time": told[2]})
        [sent] = [each for each in self._labels.take([LabelRecord("labels/0", self._offset, 0, value)]) if each.key.startswith(b"who")]
        self._offset += 1
        self._job.tell(Kind.LABELS, sent.key, sent.value, "who")

    def restart(self) -> None:
        self._job.checkpoint()
        self._job = self._begun(Imitation(self._job.entity_state, self._job.user_state))

    @staticmethod
    def _begun(job: Imitation) -> Imitation:
        job.release(1, TEXTS)
        return job


@pytest.mark.parametrize("restarted_after", [(), (31, 77)])
def test_the_stages_know_the_same_as_a_replay_bit_by_bit(restarted_after: tuple[int, ...]) -> None:
    live, waiting = Live(), labels()
    for id, value in enumerate(values()):
        while waiting and waiting[0][2] <= START_MS + id * STEP_MS:
            live.label(waiting.pop(0))
        live.event(value)
        if id in restarted_after:
            live.restart()
    found = [decision["thresholds"]["odd.usual"] for decision in live.decided]
    told = [[each["value"], each["usual"], each["weight"], each["threshold"]] for each in found]
    assert [[-1.0 if number is None else number for number in each] for each in told] == replayed()
    assert replayed() != replayed(with_labels=False)


def test_a_verdict_of_fraud_takes_what_was_approved_out_and_one_of_legitimate_puts_in_what_was_held_back() -> None:
    live = Live()
    for id, amount in enumerate([10.0, 50.0, 100.0]):
        live.event(msgspec.json.encode({"id": id, "at": START_MS + id, "who": "u", "shop": "s", "amount": amount}))
    assert [decision["action"] for decision in live.decided] == ["approve", "approve", "review"]
    live.label((1, 1, START_MS + 10))
    live.label((2, 0, START_MS + 20))
    for id, at_ms in ((3, 9), (4, 10), (5, 20)):
        live.event(msgspec.json.encode({"id": id, "at": START_MS + at_ms, "who": "u", "shop": "s", "amount": 200.0}))
    weights = [decision["thresholds"]["odd.usual"]["weight"] for decision in live.decided[3:]]
    assert weights == pytest.approx([2.0, 1.0, 2.0], rel=1e-6)
