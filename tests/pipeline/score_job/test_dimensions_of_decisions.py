"""Decisions carry the texts by which event metrics are counted."""

import msgspec
from imitation import Imitation

TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\n"
    "fields:\n  amount: {type: decimal}\n  kind: {type: string, dimension: true, required: false}\n"
    "  note: {type: string, required: false}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n",
    "policy": "score: first_ready(own)\nbands: [{action: approve}]\n",
}


def decided(*more: dict[str, object], texts: dict[str, str] = TEXTS) -> list[object]:
    job = Imitation()
    job.release(1, texts)
    events = [{"id": n, "at": 1_700_000_000_000, "who": "u", "amount": 1.0} | each for n, each in enumerate(more)]
    job.events([msgspec.json.encode(event) for event in events])
    return [decision["dimensions"] for decision in job.decisions()]


def test_a_decision_has_the_dimensions_of_its_event_and_no_other_text() -> None:
    assert decided({"kind": "fuel", "note": "private"}, {"kind": "ü"}) == [{"kind": "fuel"}, {"kind": "ü"}]


def test_a_missing_text_is_an_empty_one() -> None:
    assert decided({}, {"kind": None}, {"kind": ""}) == [{"kind": ""}] * 3


def test_without_dimensions_there_is_an_empty_object() -> None:
    assert decided({"kind": "fuel"}, texts=TEXTS | {"schema": TEXTS["schema"].replace(", dimension: true", "")}) == [{}]
