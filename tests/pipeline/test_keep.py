"""Records gathered into files of the archive: by day, byte for byte, the first decision of each event."""

import io
import struct

import msgspec
import pyarrow.parquet
from imitation import DictState

from pipeline.frames import read_frames, write_bundle
from pipeline.stages import keep
from pipeline.stages.first_wins import PAGE
from pipeline.stages.keep import Keep

NOON_MS = 1_700_049_600_000
"""Of 2023-11-15, UTC."""
DAY_MS = 86_400_000


def body(topic: str, value: bytes, offset: int = 0, at_ms: int = NOON_MS) -> bytes:
    name = f"weir.{topic}".encode()
    return struct.pack("<iqqii", 1, offset, at_ms, len(name), 1) + name + b"k" + value


def decision(id: int, event_time: int = NOON_MS, **more: object) -> bytes:
    given = {"event_id": str(id), "revision": 0, "event_time": event_time, "user": "u", "score": 0.5, "action": "approve", "release": 1}
    return msgspec.json.encode(given | {"features": {"count": 1.0}} | more)


def stage() -> Keep:
    return Keep(DictState(), PAGE, "weir.")


def files(frames: bytes) -> dict[str, list[dict[str, object]]]:
    """Rows of each file, by its folder."""
    return {key: pyarrow.parquet.read_table(io.BytesIO(value)).to_pylist() for tag, key, value in read_frames(frames) if tag == "F"}


def test_a_file_a_kind_and_day_leaves_before_a_checkpoint_and_not_earlier() -> None:
    kept = stage()
    bodies = [body("events", b"{", 7), body("events", b"\xff", 8, NOON_MS + DAY_MS), body("labels", b"l"), body("decisions", decision(1))]
    assert kept.process(write_bundle("R", bodies)) == b""
    found = files(kept.process(write_bundle("S", [b""])))
    assert sorted(found) == ["decisions/day=2023-11-15", "events/day=2023-11-15", "events/day=2023-11-16", "labels/day=2023-11-15"]
    [event] = found["events/day=2023-11-16"]
    assert (event["partition"], event["offset"], event["key"], event["value"]) == (1, 8, b"k", b"\xff")
    assert kept.process(write_bundle("S", [b""])) == b""


def test_decisions_go_by_their_events_time_and_the_first_one_counts() -> None:
    kept = stage()
    late = decision(1, NOON_MS - DAY_MS)
    kept.process(write_bundle("R", [body("decisions", late), body("decisions", decision(1, action="block")), body("decisions", b"no")]))
    [[row]] = files(kept.process(write_bundle("S", [b""]))).values()
    assert (row["value"], row["features"]) == (late, [("count", 1.0)])
    assert (kept.taken.repeats, kept.taken.unreadable) == (1, 1)


def test_a_time_that_a_producer_made_up_stops_nothing() -> None:
    kept = stage()
    kept.process(write_bundle("R", [body("events", b"e", at_ms=-(10**16)), body("events", b"f")]))
    folders = sorted(key for _, key, _ in read_frames(kept.process(write_bundle("S", [b""]))))
    assert folders == ["events/day=1970-01-01", "events/day=2023-11-15"]


def test_what_is_too_much_to_hold_leaves_at_once(monkeypatch) -> None:
    monkeypatch.setattr(keep, "BYTES_MAX", 1_000)
    kept = stage()
    assert kept.process(write_bundle("R", [body("events", b"x" * 600)])) == b""
    [rows] = files(kept.process(write_bundle("R", [body("events", b"x" * 600)]))).values()
    assert len(rows) == 2
