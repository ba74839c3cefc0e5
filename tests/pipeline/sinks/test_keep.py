"""Records gathered into files of the archive: by day, byte for byte, the first decision of each event."""

import io

import msgspec
import pyarrow.parquet
from imitation import DictState

from pipeline.sinks import archive_stage as keep
from pipeline.sinks.archive_stage import Keep
from pipeline.sinks.deduplication import PAGE
from pipeline.wire.bodies import PlacedRecord, write_placed_record
from pipeline.wire.bundle import write_bundle
from pipeline.wire.frames import read_frames
from stores.archive.archive_rows import ArchivedRecord

NOON_MS = 1_700_049_600_000
"""Of 2023-11-15, UTC."""
DAY_MS = 86_400_000


def body(topic: str, value: bytes, offset: int = 0, at_ms: int = NOON_MS) -> bytes:
    return write_placed_record(PlacedRecord(f"weir.{topic}", 1, offset, at_ms, b"k", value))


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
    assert (kept.taken.repeats, kept.taken.aside.count) == (1, 1)


def test_changes_are_kept_record_by_record_as_events_are_and_a_tombstone_has_an_empty_value() -> None:
    kept = stage()
    bodies = [body(topic, value, at) for topic in ("control", "models", "entries", "facts") for at, value in enumerate((b"1", b"2", b""))]
    kept.process(write_bundle("R", bodies))
    found = files(kept.process(write_bundle("S", [b""])))
    assert sorted(found) == [f"{topic}/day=2023-11-15" for topic in ("control", "entries", "facts", "models")]
    assert [(row["key"], row["value"], row["offset"]) for row in found["models/day=2023-11-15"]] == [
        (b"k", b"1", 0),
        (b"k", b"2", 1),
        (b"k", b"", 2),
    ]


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


def test_a_decision_that_fits_into_no_column_or_is_nested_too_deep_costs_itself(monkeypatch) -> None:
    kept = stage()
    bad = [b'{"event_id": ' + b"[" * 100_000, decision(2, event_time=1 << 70), decision(3, revision=1 << 40), decision(4, release=1 << 40)]
    kept.process(write_bundle("R", [body("decisions", value) for value in (*bad, decision(1))]))
    [[row]] = files(kept.process(write_bundle("S", [b""]))).values()
    assert (row["value"], kept.taken.aside.count) == (decision(1), 4)


def test_a_row_at_which_the_encoding_raises_costs_itself(monkeypatch) -> None:
    encode = keep.encode_records

    def planted(records: list[ArchivedRecord]) -> bytes:
        if any(record.value == b"bad" for record in records):
            raise OverflowError("planted")
        return encode(records)

    monkeypatch.setattr(keep, "encode_records", planted)
    kept = stage()
    kept.process(write_bundle("R", [body("events", b"bad" if at == 5 else b"%d" % at, at) for at in range(9)]))
    frames = read_frames(kept.process(write_bundle("S", [b""])))
    rows = [row for _, _, value in frames for row in pyarrow.parquet.read_table(io.BytesIO(value)).to_pylist()]
    assert [row["offset"] for row in rows] == [0, 1, 2, 3, 4, 6, 7, 8]
    assert kept.taken.aside.count == 1
