"""The golden bytes, which Java's ``GoldenBytesTest`` reads and writes as well: what one side writes is what the other reads.

They follow one event: a raw record, the frames that the decode stage makes of it, the bundles that Java makes of these, and the answer.
"""

import pathlib

import msgspec
import numpy as np
import pytest
from imitation import DictState, Imitation

from features.profiles.heads import Heads
from pipeline.score_job.event_body import EventBodies
from pipeline.score_job.facts import fact_key
from pipeline.wire.bodies import (
    PlacedRecord,
    read_control_record,
    read_keyed_body,
    read_placed_record,
    read_raw_record,
    write_control_record,
    write_keyed_body,
    write_placed_record,
    write_raw_record,
)
from pipeline.wire.bulk_state import pack_changes, pack_keys, pack_profiles, unpack_changes, unpack_keys, unpack_profiles
from pipeline.wire.bundle import read_bundle, write_bundle
from pipeline.wire.declaration import ANSWER as ANSWER_HEAD
from pipeline.wire.declaration import EVENT, MESSAGE, STAMPED, Kind, Tag, Topic
from pipeline.wire.frames import add_answer, add_event, add_message, add_record, read_frames, topic_frame

GOLDEN = pathlib.Path(__file__).resolve().parents[3] / "pipeline" / "java" / "src" / "test" / "resources" / "golden"
TEXTS = {
    "schema": "{id: {field: id, type: integer}, time: {field: at}, user: who, entities: [shop], fields: {amount: {type: decimal}}}",
    "features": """
- {name: shop_count_1h, template: count, entity: shop, window: 1h}
- {name: shop_mean_1h, template: mean, value: event.amount, entity: shop, window: 1h}
""",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}",
    "policy": "{score: first_ready(own), bands: [{action: approve}], fallback: {action: review}}",
}
VALUE = b'{"id":1,"at":1700000000000,"who":"ann","shop":"s1","amount":5}'
AT_MS = 1_700_000_000_123
TURN_MS = 1_700_000_000_000
UID = 3 << 48 | 5
RELEASE = 7
SNAPSHOTS = 9
ORDER = b"\x80\0\0\0\0\0\0\1"
ANSWER = np.array([1.0, 5.0, 0.0]).tobytes()
TOPIC_FRAMES = [
    (Tag.DECISION, "ann", b'{"d":1}'),
    (Tag.REPLY, "api-é", b'{"r":1}'),
    (Tag.DEAD_LETTER, "-1:-1", b"{}"),
    (Tag.LATE, "ann", b"{}"),
    (Tag.METRIC, "1700000000000", b"{}"),
    (Tag.FILE, "decisions/day=2023-11-14", b"PAR1"),
]
KEYS = [b"ann", "bøb".encode(), b"cat"]
CHANGES = ([b"h1", b"", b"h3"], [(0, 4, b"p4"), (2, 1, b"p01")], [(0, 3)])
PROFILES = [(b"h1", [(4, b"p4")]), (None, []), (b"h3", [(1, b"p01")])]


def golden(name: str) -> bytes:
    """The bytes of a file: hexadecimal numbers, with a comment behind each #."""
    lines = (GOLDEN / f"{name}.hex").read_text().splitlines()
    return bytes.fromhex("".join(line.partition("#")[0] for line in lines))


@pytest.fixture
def job() -> Imitation:
    job = Imitation()
    job.release(RELEASE, TEXTS)
    return job


def test_a_raw_record_is_read_and_written() -> None:
    assert read_raw_record(memoryview(golden("raw_record"))) == (3, 5, AT_MS, 1_699_999_999_999, "api-1", VALUE)
    assert write_raw_record(VALUE, 3, 5, AT_MS, 1_699_999_999_999, b"api-1") == golden("raw_record")


def test_a_bundle_of_raw_records_is_read_and_written() -> None:
    bundle = read_bundle(golden("bundle_raw"))
    assert (bundle.kind, bundle.release, bundle.tail) == (Kind.RAW, 0, None)
    assert bundle.bodies == [golden("raw_record")] * 2
    assert bundle.positions.tolist() == [SNAPSHOTS, SNAPSHOTS + 1]
    assert write_bundle(Kind.RAW, [golden("raw_record")] * 2, positions=[SNAPSHOTS, SNAPSHOTS + 1]) == golden("bundle_raw")


def test_the_decode_stage_writes_the_frames_of_the_event(job: Imitation) -> None:
    assert job.decode.process(write_bundle(Kind.RAW, [golden("raw_record")], positions=[SNAPSHOTS])) == golden("frames_decoded")


def test_the_frames_of_the_event_are_read_and_written() -> None:
    [(_, _, message), (_, _, event)] = found = read_frames(golden("frames_decoded"))
    assert [(tag, key) for tag, key, _ in found] == [(Tag.MESSAGE, "shop\0s1"), (Tag.EVENT, "ann")]
    frames: list[bytes] = []
    add_message(frames, b"shop\0s1", TURN_MS, UID, RELEASE, SNAPSHOTS, ORDER + b"\0ann", message[MESSAGE.size + len(ORDER) + 4 :])
    add_event(frames, b"ann", TURN_MS, UID, RELEASE, SNAPSHOTS, len(ANSWER), 1, ORDER, event[EVENT.size + len(ORDER) :])
    assert b"".join(frames) == golden("frames_decoded")


def test_the_frames_of_earlier_versions_lack_the_position_and_have_letters_of_their_own() -> None:
    earlier, now = read_frames(golden("frames_decoded_earlier")), read_frames(golden("frames_decoded"))
    assert [tag for tag, _, _ in earlier] == [Tag.EARLIER_MESSAGE, Tag.EARLIER_EVENT]
    at = STAMPED.at("snapshots")
    assert [(key, payload[:at] + SNAPSHOTS.to_bytes(8, "little") + payload[at:]) for _, key, payload in earlier] == [
        each[1:] for each in now
    ]


def test_the_entity_stage_reads_the_bundle_of_the_message_and_writes_the_answer(job: Imitation) -> None:
    bundle = read_bundle(golden("bundle_messages"))
    assert (bundle.kind, bundle.release, bundle.n, bundle.positions.tolist()) == (Kind.MESSAGES, RELEASE, 1, [SNAPSHOTS])
    name, rest = read_keyed_body(bundle.bodies[0])
    assert name == b"shop\0s1"
    assert write_bundle(Kind.MESSAGES, [write_keyed_body(name, bytes(rest))], RELEASE, positions=[SNAPSHOTS]) == golden("bundle_messages")
    assert job.entity.process(golden("bundle_messages")) == golden("frame_answer")


def test_an_answer_is_read_and_written() -> None:
    [(tag, key, payload)] = read_frames(golden("frame_answer"))
    assert (tag, key, payload[ANSWER_HEAD.size :]) == (Tag.ANSWER, "ann", ANSWER)
    frames: list[bytes] = []
    add_answer(frames, b"ann", UID, 0, ANSWER)
    assert b"".join(frames) == golden("frame_answer")


def test_the_user_stage_reads_the_bundle_of_the_event_with_and_without_its_answer(job: Imitation) -> None:
    bundle = read_bundle(golden("bundle_events"))
    assert (bundle.kind, bundle.release, bundle.missing.tolist()) == (Kind.EVENTS, RELEASE, [0, 1])
    assert bundle.tail is not None
    np.testing.assert_array_equal(bundle.tail, [[1.0, 5.0, 0.0], [np.nan] * 3])
    answers = [ANSWER, np.full(3, np.nan).tobytes()]
    assert bundle.positions.tolist() == [SNAPSHOTS] * 2
    bodies = [bytes(body) for body in bundle.bodies]
    assert write_bundle(Kind.EVENTS, bodies, RELEASE, [0, 1], answers, [SNAPSHOTS] * 2) == golden("bundle_events")
    [(_, user, decision), (_, waits, _), (_, waits_again, again)] = read_frames(job.user.process(golden("bundle_events")))
    assert (user, waits, waits_again) == ("ann", "api-1", "api-1")
    assert msgspec.json.decode(decision)["features"] == {"shop_count_1h": 1.0, "shop_mean_1h": 5.0}
    assert msgspec.json.decode(again)["flags"] == ["duplicate"]


def test_the_body_of_an_event_is_read(job: Imitation) -> None:
    release = job.user.definitions.newest
    assert release is not None
    arrivals = EventBodies(release.schema).read(read_bundle(golden("bundle_events")).bodies)
    batch = arrivals.batch
    assert (batch.ids[0], batch.users[0], batch.entities["shop"][0], arrivals.replies[0]) == ("1", "ann", "s1", "api-1")
    assert (batch.times_ms[0], batch.id_keys[0], batch.ops[0], arrivals.arrived_ms[0]) == (TURN_MS, 1, 0, AT_MS)
    assert arrivals.value(0) == VALUE


def test_the_word_before_a_barrier_is_read_and_written() -> None:
    bundle = read_bundle(golden("bundle_barrier"))
    assert (bundle.kind, bundle.bodies) == (Kind.BARRIER, [b""])
    assert write_bundle(Kind.BARRIER, [b""]) == golden("bundle_barrier")


def test_control_records_are_read_and_written() -> None:
    there, gone = (Topic.CONTROL, b"release:0000000007", b"{}"), (Topic.MODEL, b"shape", None)
    assert read_control_record(memoryview(golden("control_record"))) == there
    assert read_control_record(memoryview(golden("control_record_gone"))) == gone
    assert write_control_record(*there) == golden("control_record")
    assert write_control_record(*gone) == golden("control_record_gone")


def test_a_fact_is_read_and_written() -> None:
    key = fact_key("shop", "sé", "vip")
    assert read_keyed_body(memoryview(golden("fact"))) == (key, b'{"value":1}')
    assert write_keyed_body(key, b'{"value":1}') == golden("fact")


def test_a_label_is_read_and_written() -> None:
    key = "shop\0sé".encode()
    assert read_keyed_body(memoryview(golden("label"))) == (key, b'{"label":1}')
    assert write_keyed_body(key, b'{"label":1}') == golden("label")


def test_a_record_of_any_topic_is_read_and_written() -> None:
    record = PlacedRecord("weir.decisions", 3, 1 << 40, AT_MS, "é".encode(), b"{}")
    assert read_placed_record(memoryview(golden("placed_record"))) == record
    assert write_placed_record(record) == golden("placed_record")


def test_frames_for_topics_are_read_and_written() -> None:
    assert read_frames(golden("frames_for_topics")) == TOPIC_FRAMES
    assert b"".join(topic_frame(*frame) for frame in TOPIC_FRAMES) == golden("frames_for_topics")
    frames: list[bytes] = []
    for tag, key, value in TOPIC_FRAMES:
        add_record(frames, tag.byte, key.encode(), value)
    assert b"".join(frames) == golden("frames_for_topics")


def test_what_a_call_to_the_state_carries_is_read_and_written() -> None:
    assert unpack_keys(golden("state_keys")) == KEYS
    assert pack_keys(KEYS) == golden("state_keys")
    assert tuple(map(list, unpack_changes(golden("state_changes")))) == CHANGES
    assert pack_changes(Heads.of(CHANGES[0]), *CHANGES[1:]) == golden("state_changes")
    assert unpack_profiles(golden("state_profiles")) == PROFILES
    assert pack_profiles(PROFILES) == golden("state_profiles")


def test_the_state_in_a_dictionary_answers_as_that_of_java_does() -> None:
    state = DictState()
    state.write(golden("state_keys"), golden("state_changes"))
    assert state.read(pack_keys([b"ann", b"dan", b"cat"])) == golden("state_profiles")


def test_every_golden_file_is_looked_at_on_both_sides() -> None:
    """A file that one side alone looks at would say nothing of the other."""
    java = "".join(file.read_text() for file in sorted(GOLDEN.parents[1].rglob("*Test.java")))
    python = pathlib.Path(__file__).read_text()
    names = sorted(file.stem for file in GOLDEN.glob("*.hex"))
    assert len(names) > 12
    assert [name for name in names if f'"{name}"' not in java or f'"{name}"' not in python] == []
