"""Events on the disk are those in memory, in the same order."""

import itertools
import pathlib
import random
import tempfile

import msgspec
import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from features.schema.batch import Batch
from features.schema.decode import Decoder
from features.schema.event import Event
from features.schema.schema import Schema, read_schema
from pipeline.engine.event_keys import RecordedBatch
from pipeline.replay.spooled_events import SpooledEvents
from pipeline.tables.event_files import total_order, turns_of

pytestmark = pytest.mark.slow

START_MS = 1_700_000_000_000
SCHEMAS = {
    type: read_schema(
        f"{{id: {{field: id, type: {type}}}, time: {{field: at, unit: ms}}, user: who, entities: [device],"
        " fields: {amount: {type: decimal}, count: {type: integer, required: false}, place: {type: string, required: false}}}",
        "schema.yaml",
    )
    for type in ("integer", "string")
}


def events_of(draw: random.Random, schema: Schema) -> list[Event]:
    """Events with many ties of time, of ids, and of the first eight bytes of ids."""
    decoder = Decoder(schema)
    found = []
    for _ in range(draw.randrange(1, 60)):
        id = (
            draw.randrange(-6, 6)
            if schema.id_type == "integer"
            else draw.choice(("a", "b", "é")) + draw.choice(("", "12345678", "123456789"))
        )
        event: dict[str, object] = {
            "id": id,
            "at": START_MS + draw.randrange(4),
            "who": draw.choice("xyé"),
            "amount": draw.randrange(9) / 10,
        }
        event |= {name: value for name, value in (("device", "d"), ("count", 3), ("place", "p")) if draw.random() < 0.5}
        event |= draw.choice(({}, {}, {"op": "correct"}, {"op": "retract"}))
        found.append(decoder.decode(msgspec.json.encode(event), START_MS + 10**6))
    return found


def same(one: Batch, other: Batch) -> None:
    assert (one.ids, one.users, one.entities, one.texts) == (other.ids, other.users, other.entities, other.texts)
    for name in ("id_keys", "orders", "times_ms", "body_keys", "ops", "numbers"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)


@given(st.randoms(use_true_random=False), st.sampled_from(("integer", "string")))
@settings(max_examples=examples(60), deadline=None)
def test_events_on_the_disk_are_sorted_and_read_as_those_in_memory(draw: random.Random, type: str) -> None:
    schema = SCHEMAS[type]
    events = events_of(draw, schema)
    batch = Batch.of(events, schema)
    with tempfile.TemporaryDirectory() as folder:
        spooled = SpooledEvents(pathlib.Path(folder), schema)
        cuts = sorted({0, len(events), *(draw.randrange(len(events)) for _ in range(3))})
        for first, end in itertools.pairwise(cuts):
            spooled.add(Batch.of(events[first:end], schema))
        spooled.complete()
        turns = turns_of(batch)
        order = spooled.total_order(turns)
        np.testing.assert_array_equal(order, total_order(batch, turns, schema))
        spooled.reorder(order)
        wanted, whole = batch.take(order), RecordedBatch(batch.take(order))
        same(spooled.take(np.arange(len(events))), wanted)
        for name in ("times_ms", "id_keys", "event_keys"):
            np.testing.assert_array_equal(getattr(spooled, name), getattr(whole, name), name)
        some = np.array([draw.randrange(len(events)) for _ in range(draw.randrange(6))], np.int64)
        same(spooled.take(some), wanted.take(some))
