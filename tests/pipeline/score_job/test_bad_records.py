"""Records of the side topics and headers that no stage may stumble over: what is bad goes somewhere, what follows is decided."""

import base64

import msgspec
import numpy as np
import pytest
from imitation import Imitation

from detectors.catalogue import LEARNERS
from detectors.snapshot import Snapshot
from foundation.content_hash import content_hash
from pipeline.engine.definitions.release import compile_release
from pipeline.score_job.dead_letter import VALUE_BYTES_MAX
from pipeline.wire.bodies import write_control_record, write_keyed_body, write_raw_record
from pipeline.wire.bundle import write_bundle
from pipeline.wire.declaration import Kind, Tag, Topic
from pipeline.wire.frames import read_frames

TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [shop]
fields: {amount: {type: decimal, scale: 2, retain: true}}
""",
    "features": """
- {name: count_1h, template: count, window: 1h}
- {name: shop_count_1h, template: count, entity: shop, window: 1h}
- {name: shop_risk, template: label_rate, entity: shop, window: {length: 1d, delay: 1h}}
""",
    "models": """
- {name: shape, kind: river, model: anomaly.HalfSpaceTrees, scope: global, inputs: [event.amount],
   parameters: {window_size: 50, scaling: standard, seed: 7}}
- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 3}}
""",
    "policy": "score: first_ready(shape, own)\nbands: [{below: 0.5, action: approve}, {action: block}]\nfallback: {action: review}\n",
}
EVENT = {"id": 1, "at": 1_700_000_000_000, "who": "u", "shop": "s", "amount": 5}
LABEL = {"event_id": "1", "id_key": 1, "event_time": 1_700_000_001_000, "label": 1, "label_time": 1_700_000_500_000, "user": "u"}


@pytest.fixture
def job() -> Imitation:
    made = Imitation()
    made.release(1, TEXTS)
    return made


def decides(job: Imitation, id: int) -> bool:
    """Whether another event comes through all stages."""
    before = len(job.decisions())
    job.events([msgspec.json.encode(EVENT | {"id": id, "at": EVENT["at"] + 1_000 * id})])
    return len(job.decisions()) == before + 1


def labelled(key: bytes, value: bytes) -> bytes:
    return write_keyed_body(key, value)


@pytest.mark.parametrize("stage", ["entity", "user"])
def test_a_label_that_comes_while_no_release_is_in_force_is_a_dead_letter(stage: str) -> None:
    value = msgspec.json.encode(LABEL)
    frames = read_frames(getattr(Imitation(), stage).process(write_bundle(Kind.LABELS, [labelled(b"shop\0s", value)])))
    [(tag, _, letter)] = frames
    read = msgspec.json.decode(letter)
    assert (tag, read["reason"]["what"], read["topic"]) == (Tag.DEAD_LETTER, "no release", "labels-resolved")
    assert base64.b64decode(read["value"]) == value


BAD_LABELS = {
    "bytes that are no JSON": (b"shop\0s", b"\x00\xffhello"),
    "nothing": (b"shop\0s", b""),
    "a list": (b"shop\0s", b"[]"),
    "no id": (b"shop\0s", msgspec.json.encode({"label": 1})),
    "a label of 2": (b"shop\0s", msgspec.json.encode(LABEL | {"label": 2})),
    "a time of 65 bits": (b"shop\0s", msgspec.json.encode(LABEL | {"event_time": 1 << 63})),
    "a time before 1970": (b"shop\0s", msgspec.json.encode(LABEL | {"label_time": -1})),
    "an id of 65 bits": (b"shop\0s", msgspec.json.encode(LABEL | {"id_key": -(1 << 64)})),
    "a text for a time": (b"shop\0s", msgspec.json.encode(LABEL | {"event_time": "now"})),
    "nested too deep": (b"shop\0s", b'{"x":' + b"[" * 100_000),
    "a key without a kind": (b"s", msgspec.json.encode(LABEL)),
    "no key": (b"", msgspec.json.encode(LABEL)),
    "a key without an id": (b"shop\0", msgspec.json.encode(LABEL)),
    "a key that is not UTF-8": (b"shop\0\xff", msgspec.json.encode(LABEL)),
    "a key of 600 characters": (b"shop\0" + b"s" * 600, msgspec.json.encode(LABEL)),
}


@pytest.mark.parametrize(("key", "value"), BAD_LABELS.values(), ids=BAD_LABELS.keys())
@pytest.mark.parametrize("stage", ["entity", "user"])
def test_a_bad_resolved_label_is_a_dead_letter_and_the_good_ones_beside_it_count(
    job: Imitation, stage: str, key: bytes, value: bytes
) -> None:
    good = labelled(b"shop\0s", msgspec.json.encode(LABEL))
    frames = read_frames(getattr(job, stage).process(write_bundle("L", [labelled(key, value), good])))
    [(tag, _, letter)] = frames
    assert tag == "X"
    read = msgspec.json.decode(letter)
    assert base64.b64decode(read["value"]) == value
    assert all(read["reason"][part] for part in ("what", "where", "expected", "got"))
    assert decides(job, 1)
    assert decides(job, 3_700_000 // 1_000 * 2)
    assert job.decisions()[-1]["features"]["shop_risk"] == (1.0 if stage == "entity" else 0.0)


def test_a_reply_header_that_is_not_utf_8_stops_nothing(job: Imitation) -> None:
    header = b"\xff\xfe"
    body = write_raw_record(msgspec.json.encode(EVENT), 0, 0, 1 << 50, 0, header)
    tags = [tag for tag, _, _ in read_frames(job.decode.process(write_bundle("R", [body])))]
    assert tags == ["K", "E"]


UNREADABLE = {
    "not UTF-8": b'{"id":"\xff"}',
    "nested too deep": b'{"id":' + b"[" * 100_000,
    "a number of 4,999 digits": b'{"id":' + b"7" * 4_999 + b"}",
    "a lone surrogate": b'{"id":"\\ud800"}',
}


@pytest.mark.parametrize("value", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_refused_event_that_somebody_waits_for_is_answered_whatever_its_id_is(job: Imitation, value: bytes) -> None:
    job.events([value, msgspec.json.encode(EVENT)], reply="api-1")
    assert [msgspec.json.decode(reply)["event_id"] for _, reply in job.out["R"]][1:] == ["1"]
    assert len(job.out["X"]) == 1


HUGE_ID = {"id": ["x" * 5_000_000], "at": 1}


def test_the_reply_to_a_refused_event_is_short_whatever_its_id_is(job: Imitation) -> None:
    job.events([msgspec.json.encode(HUGE_ID)], reply="api-1")
    [(_, reply)] = job.out["R"]
    assert len(reply) < 10_000


def test_a_dead_letter_of_the_largest_record_still_fits_into_a_record_and_says_what_was_cut_off(job: Imitation) -> None:
    values = [b"x" * VALUE_BYTES_MAX, b"x" * 16_000_000]
    job.events(values)
    whole, cut = (msgspec.json.decode(value) for _, value in job.out["X"])
    assert max(len(value) for _, value in job.out["X"]) < 16_000_000
    assert (whole["bytes"], cut["bytes"]) == (VALUE_BYTES_MAX, 16_000_000)
    assert base64.b64decode(whole["value"]) == values[0]
    assert base64.b64decode(cut["value"]) == values[1][:VALUE_BYTES_MAX]


def control(job: Imitation, topic: Topic, key: bytes, value: bytes) -> None:
    body = write_control_record(topic, key, value)
    for stage in (job.decode, job.entity, job.user):
        assert stage.process(write_bundle("C", [body])) == b""


PARTS = msgspec.json.encode({"id": 2, "parts": {part: content_hash(text) for part, text in TEXTS.items()}})
BAD_CONTROL = {
    "a key that is not UTF-8": (b"\xff", b"{}"),
    "a release that is no JSON": (b"release:0000000002", b"\xff{"),
    "a release without a body": (b"release:0000000002", b""),
    "a release of unknown definitions": (b"release:0000000002", b'{"id":2,"parts":{"schema":"nowhere"}}'),
    "a release that is nested too deep": (b"release:0000000002", b'{"x":' + b"[" * 100_000),
    "a release under another number": (b"release:0000000003", PARTS),
    "a release under no number": (b"release:two", PARTS),
    "a release of 33 bits": (b"release:4294967296", PARTS.replace(b":2,", b":4294967296,")),
    "a definition that is not UTF-8": (b"def:abc", b"\xff"),
}


@pytest.mark.parametrize(("key", "value"), BAD_CONTROL.values(), ids=BAD_CONTROL.keys())
def test_a_bad_control_record_leaves_the_release_in_force(job: Imitation, key: bytes, value: bytes) -> None:
    control(job, Topic.CONTROL, key, value)
    assert decides(job, 1)
    assert job.decisions()[-1]["release"] == 1


SENSELESS = {"nested too deep": "[" * 5_000, "a number": "5", "mixed": "- 1\n- [2]", "itself": "a: &a [*a]", "no text": "\x00"}


@pytest.mark.parametrize("part", list(TEXTS))
@pytest.mark.parametrize("text", SENSELESS.values(), ids=SENSELESS.keys())
def test_a_release_with_a_definition_that_makes_no_sense_leaves_the_one_before_in_force(job: Imitation, part: str, text: str) -> None:
    job.release(2, TEXTS | {part: text})
    assert decides(job, 1)
    assert job.decisions()[-1]["release"] == 1


def arrays(inputs: int) -> dict[str, np.ndarray]:
    return {"sizes": np.array([inputs, 3, 50, 0, 0], np.int64), "weights": np.zeros(3)}


def definition_of_shape() -> str:
    return next(model.definition for model in compile_release(1, TEXTS).models if model.name == "shape")


BAD_MODELS = {
    "bytes that are no snapshot": b"\x00\xffhello",
    "nothing": b"",
    "arrays of another model": Snapshot("shape", definition_of_shape(), 9, 5, arrays(1)).encode(),
    "no arrays": Snapshot("shape", definition_of_shape(), 9, 5, {}).encode(),
}


@pytest.mark.parametrize("value", BAD_MODELS.values(), ids=BAD_MODELS.keys())
def test_a_bad_snapshot_stops_nothing(job: Imitation, value: bytes) -> None:
    control(job, Topic.MODEL, b"shape", value)
    assert decides(job, 1)


def test_a_snapshot_for_another_number_of_inputs_stops_nothing_and_is_not_used(job: Imitation) -> None:
    learner = LEARNERS["anomaly.HalfSpaceTrees"](2, window_size=50, seed=7)
    learner.learn_many(np.random.default_rng(1).random((200, 2)), None)
    control(job, Topic.MODEL, b"shape", Snapshot("shape", definition_of_shape(), 9, 5, learner.snapshot()).encode())
    assert decides(job, 1)
    assert job.decisions()[-1]["models"]["shape"]["score"] is None
