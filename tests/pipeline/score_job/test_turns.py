"""When a correction has its turn among events that go by their times."""

import msgspec
import pytest
from imitation import Imitation

from pipeline.wire.bodies import write_raw_record
from pipeline.wire.bundle import write_bundle
from pipeline.wire.declaration import NO_TIME_MS, STAMPED
from pipeline.wire.frames import read_frames

TEXTS = {
    "schema": "{id: {field: id, type: integer}, time: {field: at}, user: who, entities: [shop], fields: {amount: {type: decimal}}}",
    "features": "- {name: shop_count_1h, template: count, entity: shop, window: 1h}",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}",
    "policy": "{score: first_ready(own), bands: [{action: approve}], fallback: {action: review}}",
}
START_MS = 1_700_000_000_000
EVENT = {"id": 1, "at": START_MS, "who": "u", "shop": "s", "amount": 5}


def turns_ms(event: dict[str, object], newest_ms: int) -> list[int]:
    """Of the message and of the event, when its partition had `newest_ms` before it."""
    job = Imitation()
    job.release(1, TEXTS)
    body = write_raw_record(msgspec.json.encode(event), 0, 7, 1 << 50, newest_ms)
    frames = read_frames(job.decode.process(write_bundle("R", [body])))
    assert [tag for tag, _, _ in frames] == ["K", "E"]
    return [STAMPED.unpack_from(payload)[0] for _, _, payload in frames]


@pytest.mark.parametrize("op", ["correct", "retract"])
@pytest.mark.parametrize(("newest_ms", "wanted"), [(NO_TIME_MS, START_MS), (START_MS - 1, START_MS), (START_MS + 9, START_MS + 9)])
def test_a_correction_has_its_turn_at_the_newest_time_of_its_partition(op: str, newest_ms: int, wanted: int) -> None:
    assert turns_ms(EVENT | {"op": op}, newest_ms) == [wanted, wanted]


def test_an_event_has_its_turn_at_its_own_time_however_late_it_comes() -> None:
    assert turns_ms(EVENT, START_MS + 9) == [START_MS, START_MS]
