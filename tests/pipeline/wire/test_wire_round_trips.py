"""Whatever is written is read as it was, for any bytes and any number of them."""

import struct

from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from features.profiles.heads import Heads
from pipeline.wire.bodies import (
    read_control_record,
    read_keyed_body,
    read_raw_record,
    write_control_record,
    write_keyed_body,
    write_raw_record,
)
from pipeline.wire.bulk_state import pack_changes, pack_keys, pack_profiles, unpack_changes, unpack_keys, unpack_profiles
from pipeline.wire.bundle import read_bundle, write_bundle
from pipeline.wire.declaration import Kind, Tag, Topic
from pipeline.wire.frames import add_record, read_frames, topic_frame

SOME = st.binary(max_size=40)
WORD = st.integers(-(1 << 63), (1 << 63) - 1)
TEXT = st.text(max_size=20)


@settings(max_examples=examples(100))
@given(st.sampled_from(Kind), st.lists(st.tuples(SOME, st.booleans()), min_size=1), st.integers(0, (1 << 31) - 1), st.integers(0, 3))
def test_a_bundle(kind: Kind, rows: list[tuple[bytes, bool]], release: int, width: int) -> None:
    bodies, missing = [body for body, _ in rows], [int(lacks) for _, lacks in rows]
    answers = [struct.pack(f"<{width}d", *[at] * width) for at in range(len(rows))] if width else []
    bundle = read_bundle(write_bundle(kind, bodies, release, missing, answers))
    assert (bundle.kind, bundle.release, bundle.n, bundle.missing.tolist()) == (kind, release, len(rows), missing)
    assert [bytes(body) for body in bundle.bodies] == bodies
    assert (bundle.tail is None) == (width == 0)
    if bundle.tail is not None:
        assert bundle.tail.tolist() == [[float(at)] * width for at in range(len(rows))]
    middle = len(rows) // 2
    assert [bytes(body) for body in bundle.part(middle, len(rows)).bodies] == bodies[middle:]


@settings(max_examples=examples(100))
@given(st.lists(st.tuples(st.sampled_from(Tag), TEXT, SOME)))
def test_frames(frames: list[tuple[Tag, str, bytes]]) -> None:
    added: list[bytes] = []
    for tag, key, value in frames:
        add_record(added, tag.byte, key.encode(), value)
    assert b"".join(added) == b"".join(topic_frame(*frame) for frame in frames)
    assert read_frames(b"".join(added)) == frames


@settings(max_examples=examples(100))
@given(st.sampled_from(Topic), SOME, st.none() | SOME, st.integers(0, 32_767), WORD, WORD, st.binary(max_size=255))
def test_bodies(topic: Topic, key: bytes, value: bytes | None, partition: int, at_ms: int, newest_ms: int, reply: bytes) -> None:
    assert read_control_record(memoryview(write_control_record(topic, key, value))) == (topic, key, value)
    assert read_keyed_body(memoryview(write_keyed_body(key, value or b""))) == (key, value or b"")
    raw = read_raw_record(memoryview(write_raw_record(key, partition, 7, at_ms, newest_ms, reply)))
    assert raw == (partition, 7, at_ms, newest_ms, reply.decode(errors="replace"), key)


@settings(max_examples=examples(100))
@given(st.lists(st.tuples(SOME, st.none() | SOME, st.dictionaries(st.integers(0, 1 << 30), SOME, max_size=3)), max_size=5))
def test_a_call_to_the_state(profiles: list[tuple[bytes, bytes | None, dict[int, bytes]]]) -> None:
    keys = [key for key, _, _ in profiles]
    assert unpack_keys(pack_keys(keys)) == keys
    read = [(head, list(pages.items())) for _, head, pages in profiles]
    assert unpack_profiles(pack_profiles(read)) == read
    pages = [(at, number, page) for at, (_, its_pages) in enumerate(read) for number, page in its_pages]
    dropped = [(at, number + 1) for at, number, _ in pages]
    changes = unpack_changes(pack_changes(Heads.of([head or b"" for head, _ in read]), pages, dropped))
    assert (changes.heads, changes.pages, changes.dropped) == ([head or b"" for head, _ in read], pages, dropped)
