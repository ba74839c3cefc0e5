"""Reasons of decisions are sentences for people, with the usual value beside the actual one."""

import math
import random
from collections.abc import Iterator

import msgspec
import numpy as np
import pytest
from imitation import Imitation

from features.schema.batch import Batch
from features.schema.decode import Decoder
from pipeline.engine.decisions.explanation import Explanations
from pipeline.engine.definitions.release import compile_release
from pipeline.engine.learners.usual_values import ROWS, UsualValues
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import History

HOUR_MS = 3_600_000
START_MS = 1_700_000_000_000
TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: customer_id
entities: [terminal_id]
fields: {amount: {type: decimal, scale: 2, retain: true}}
""",
    "features": """
- {name: payments_1m, template: count, window: 1m, description: payments in 1 minute}
- {name: payments_12h, template: count, window: {length: 12h, delay: 5m}}
- {name: usual_payments_1m, expression: feature.payments_12h / 720.0, usual_of: feature.payments_1m}
- {name: taken_1m, template: sum, value: event.amount, entity: terminal_id, window: 1m}
- {name: taken_12h, template: sum, value: event.amount, entity: terminal_id, window: {length: 12h, delay: 5m}}
- {name: usual_taken_1m, expression: feature.taken_12h / 720.0, usual_of: feature.taken_1m}
""",
    "models": """
- {name: shape, kind: river, model: anomaly.HalfSpaceTrees, inputs: [feature.payments_1m, event.amount, feature.taken_1m],
   publish_every: 1h, parameters: {window_size: 50, scaling: standard, seed: 7}}
""",
    "policy": "{score: first_ready(shape), bands: [{below: 0.99, action: approve}, {action: review}], fallback: {action: approve}}",
}


def payments() -> Iterator[dict[str, object]]:
    """Each of 40 customers pays about once an hour at one of 5 terminals; at the end one of them pays 30 times within a minute."""
    draw = random.Random(4)
    for id in range(480):
        again = id % 7 == 1  # some pay twice in a row
        at, who = START_MS + (id - again) * 90_000 + again * 20_000, f"c{(id - again) % 40}"
        yield {"id": id, "at": at, "customer_id": who, "terminal_id": f"t{id % 5}", "amount": f"{draw.uniform(10, 50):.2f}"}
    for id in range(480, 510):
        at = START_MS + 12 * HOUR_MS + (id - 480) * 1_000
        yield {"id": id, "at": at, "customer_id": "c1", "terminal_id": "t1", "amount": "900.00"}


@pytest.fixture(scope="module")
def reasons() -> list[list[str]]:
    release = compile_release(1, TEXTS)
    decoder = Decoder(release.schema)
    events = [decoder.decode(msgspec.json.encode(each), int(str(each["at"]))) for each in payments()]
    replay = Replay(release, History(Batch.of(events, release.schema)), None)
    return [row for verdicts, batch in replay.scored() for row in Explanations(verdicts, batch).reasons()]


def test_a_reason_names_the_value_and_what_is_usual(reasons: list[list[str]]) -> None:
    said = {reason for row in reasons[480:] for reason in row}
    assert {
        "30 payments in 1 minute; usual for this customer: 0.017",
        "amount in total of the terminal in 1 minute: 27,000; usual for this terminal: 3.99",
        "amount: 900; usual: 29.94",
    } <= said


def test_a_duplicate_has_reasons_without_values() -> None:
    job = Imitation()
    own = "- {name: shape, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 3}}"
    job.release(1, TEXTS | {"models": own})
    values = [msgspec.json.encode(each) for each in payments() if each["customer_id"] == "c1"]
    for value in values:
        job.events([value])
    first = next(at for at, decision in enumerate(job.decisions()) if decision["reasons"])
    assert job.decisions()[first]["reasons"] == ["amount: 12.98"]
    job.events([values[first]], reply="api")
    assert msgspec.json.decode(job.out["R"][-1][1])["reasons"] == ["unusual: amount"]


def test_usual_values_are_medians_whatever_the_batches_and_go_on_after_a_restart() -> None:
    draw = np.random.default_rng(1)
    rows, keys = draw.lognormal(size=(9_000, 2)), np.arange(9_000)
    rows[:, 1] = np.nan
    whole, parts = UsualValues(2), UsualValues(2)
    whole.see(keys, rows)
    for first in range(0, 9_000, 37):
        parts.see(keys[first : first + 37], rows[first : first + 37])
        again = UsualValues(2)
        again.resume(parts.state())
        parts = again
    one, other = (UsualValues.from_arrays({"medians": each.arrays()["usual.medians"]}) for each in (whole, parts))
    assert one is not None and other is not None
    assert one.tolist()[0] == other.tolist()[0] == pytest.approx(1.0, rel=0.2)
    assert math.isnan(one[1]) and math.isnan(other[1])
    assert len(whole.state()["usual.rows"]) == ROWS
