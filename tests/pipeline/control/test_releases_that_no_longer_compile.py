"""Releases that an older version took in: where this one refuses them, events are decided by the newest that compiles, and loudly."""

import msgspec
import pytest
from imitation import Imitation

TEXTS = {
    "schema": "{id: id, time: {field: at}, user: user, fields: {amount: {type: float}}}",
    "features": "- {name: sum_1h, template: sum, value: event.amount, window: 1h}\n",
    "models": "- {name: own, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n",
    "policy": "score: first_ready(own)\nbands: [{action: approve}]\nfallback: {action: approve}\n",
}
STRICTER = {
    "an alias": TEXTS | {"features": "- &once {name: sum_1h, template: sum, value: event.amount, window: 1h}\n"},
    "a name given twice": TEXTS | {"schema": "{id: id, id: id, time: {field: at}, user: user, fields: {amount: {type: float}}}"},
    "a word that readers differ on": TEXTS
    | {"models": "- {name: no, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n"},
}


def event(number: int) -> bytes:
    return msgspec.json.encode({"id": str(number), "at": 1_600_000_000_000 + number, "user": "ann", "amount": 1.5})


@pytest.mark.parametrize("texts", STRICTER.values(), ids=STRICTER)
def test_the_newest_release_that_compiles_decides_and_the_log_says_what_to_do(
    texts: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    stages = Imitation()
    stages.release(1, TEXTS)
    stages.release(2, texts)
    stages.events([event(1)])
    assert [decision["release"] for decision in stages.decisions()] == [1]
    said = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert said
    assert all("release 2 is not in force" in message and "push a corrected configuration" in message for message in said)
    stages.release(3, TEXTS)
    stages.events([event(2)])
    assert [decision["release"] for decision in stages.decisions()] == [1, 3]


@pytest.mark.parametrize("texts", STRICTER.values(), ids=STRICTER)
def test_events_are_dead_letters_that_say_what_to_do_where_no_release_compiles(texts: dict[str, str]) -> None:
    stages = Imitation()
    stages.release(2, texts)
    stages.events([event(1)])
    assert stages.decisions() == []
    (reason,) = [msgspec.json.decode(letter)["reason"] for _, letter in stages.out["X"]]
    assert (reason["what"], reason["remedy"]) == ("no release", "push a configuration")
