import msgspec
import pytest

from features.schema.schema import read_schema
from foundation.refusal import Refusal
from pipeline.replay.redrive import Record, Redrive, report
from pipeline.score_job.dead_letter import VALUE_BYTES_MAX, dead_letter

SCHEMA = read_schema("{id: {field: id, type: integer}, time: {field: at}, user: who, fields: {amount: {type: decimal, scale: 2}}}")
GOOD = b'{"id": 1, "at": 1700000000000, "who": "u", "amount": 1.25}'
LABEL = b'{"event_id": "7", "label": 1, "label_time": 1700000000000}'


def letter(value: bytes, what: str = "missing field", **more: str) -> bytes:
    return dead_letter(Refusal(what, where="amount", expected="a number", got="nothing"), value, 0, 5, 1_700_000_000_500, **more)


def test_what_is_accepted_now_goes_back_to_its_topic_under_its_key() -> None:
    found = Redrive(SCHEMA, "")
    records = list(found.records([letter(GOOD), letter(LABEL, "no decision for this label", topic="weir.labels")]))
    assert records == [Record("events", "u", GOOD), Record("labels", "7", LABEL)]
    assert dict(found.taken) == {"missing field": 1, "no decision for this label": 1}


DEEP = b'{"reason": "x", "value": ' + b"[" * 100_000


def test_what_is_still_refused_stays_with_its_reason() -> None:
    found = Redrive(SCHEMA, "")
    assert list(found.records([letter(b'{"id": 1}'), letter(b"\xff"), b"no letter", DEEP, letter(b"{}", topic="weir.labels")])) == []
    assert sum(found.left.values()) == 5
    assert found.left["not a letter"] == 2


@pytest.mark.parametrize("what", ["id_reused", "event_unknown", "corrected too often"])
def test_what_profiles_refused_goes_only_on_demand(what: str) -> None:
    assert list(Redrive(SCHEMA, "").records([letter(GOOD, what)])) == []
    assert list(Redrive(SCHEMA, what).records([letter(GOOD, what), letter(GOOD)])) == [Record("events", "u", GOOD)]


def test_a_late_event_is_taken_from_its_record() -> None:
    late = msgspec.json.encode(
        {"reason": "too late: more than 600000 ms before the user's newest event", "event_id": "1", "user": "u", "event_time": 1}
        | {"value": msgspec.json.decode(letter(GOOD))["value"]}
    )
    found = Redrive(SCHEMA, "too late")
    assert list(found.records([late])) == [Record("events", "u", GOOD)]
    assert report(found, dry_run=True).splitlines() == ["1 would be driven in again, 0 stay", "        1  too late"]


def test_bytes_that_were_cut_are_not_driven_in_as_if_they_were_whole() -> None:
    found = Redrive(SCHEMA, "")
    assert list(found.records([letter(GOOD + b" " * VALUE_BYTES_MAX)])) == []
    assert dict(found.left) == {"still refused: cut off": 1}


def test_what_the_system_made_itself_is_not_driven_in() -> None:
    found = Redrive(SCHEMA, "")
    assert list(found.records([letter(LABEL, topic="weir.labels-resolved")])) == []
