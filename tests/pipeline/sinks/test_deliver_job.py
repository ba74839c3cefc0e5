import pathlib
from collections.abc import Iterator

import msgspec
import pytest

from deploy.command import SAMPLES
from deploy.local.releases import read_folder
from foundation.content_hash import content_hash
from pipeline.control.definitions import Definitions
from pipeline.sinks.deliver_job import Deliverer, order_of
from stores.decisions import StoredDecision
from stores.sqlite.sqlite_decisions import SqliteDecisions


def definitions(releases: int = 1) -> Definitions:
    made = Definitions()
    give(made, 1, releases)
    return made


def give(made: Definitions, first: int, last: int) -> None:
    texts = read_folder(SAMPLES / "payments")
    for text in texts.values():
        made.take([("c", f"def:{content_hash(text)}", text.encode())])
    for id in range(first, last + 1):
        record = {"id": id, "parts": {part: content_hash(text) for part, text in texts.items()}}
        made.take([("c", f"release:{id:010d}", msgspec.json.encode(record))])


def value(number: int, release: int = 1, score: float | None = 0.25, **changes: object) -> bytes:
    fields = {
        "event_id": str(number),
        "revision": 0,
        "event_time": 1_000 + number,
        "user": "u",
        "entities": {"terminal_id": "t", "device_id": ""},
        "score": score,
        "action": "review",
        "release": release,
        "features": {"a": None},
    }
    return msgspec.json.encode(fields | changes)


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Iterator[SqliteDecisions]:
    made = SqliteDecisions(tmp_path / "decisions.db")
    yield made
    made.close()


class FailingStore(SqliteDecisions):
    """Fails so many times before it writes."""

    def __init__(self, path: pathlib.Path, failures: int) -> None:
        super().__init__(path)
        self.failures = failures

    def write(self, decisions: list[StoredDecision]) -> int:
        if self.failures:
            self.failures -= 1
            raise OSError("disk full")
        return super().write(decisions)


def test_a_decision_is_found_by_its_event_its_user_and_its_entities_that_are_not_empty(store: SqliteDecisions) -> None:
    assert Deliverer(store, definitions(), lambda: None).deliver([value(7)])
    [found] = store.get("7")
    assert found.value == value(7)
    assert found.keys == (("customer_id", "u"), ("terminal_id", "t"))
    assert store.latest("terminal_id", "t") == store.latest("customer_id", "u")


def test_a_decision_without_a_score_is_kept_without_one(store: SqliteDecisions) -> None:
    Deliverer(store, definitions(), lambda: None).deliver([value(7, score=None)])
    latest = store.latest("customer_id", "u")
    assert latest is not None
    assert latest.score is None


def test_repeats_are_counted_and_change_nothing(store: SqliteDecisions) -> None:
    deliverer = Deliverer(store, definitions(), lambda: None)
    deliverer.deliver([value(7), value(7, score=0.9)])
    deliverer.deliver([value(7), value(8)])
    assert (deliverer.written, deliverer.repeats) == (2, 2)
    [found] = store.get("7")
    assert found.score == 0.25


def test_a_store_that_fails_is_tried_again_with_growing_waits(tmp_path: pathlib.Path) -> None:
    store = FailingStore(tmp_path / "decisions.db", failures=9)
    waits: list[float] = []
    deliverer = Deliverer(store, definitions(), lambda: None, wait=waits.append)
    assert deliverer.deliver([value(1)])
    assert deliverer.written == 1
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    store.close()


def test_a_stop_while_the_store_fails_leaves_the_batch_undone(tmp_path: pathlib.Path) -> None:
    store = FailingStore(tmp_path / "decisions.db", failures=10**9)
    waits: list[float] = []
    deliverer = Deliverer(store, definitions(), lambda: None, wait=waits.append, stopping=lambda: len(waits) == 3)
    assert not deliverer.deliver([value(1)])
    store.close()


def test_what_is_no_decision_is_counted_and_does_not_stop_the_rest(store: SqliteDecisions) -> None:
    deliverer = Deliverer(store, definitions(), lambda: None)
    assert deliverer.deliver([b"", b"{", b"\xff", b"{}", value(1)])
    assert (deliverer.written, deliverer.aside.count) == (1, 4)


@pytest.mark.parametrize("field", ["revision", "event_time", "release"])
def test_a_number_that_no_store_can_hold_is_not_tried_for_ever(store: SqliteDecisions, field: str) -> None:
    waits: list[float] = []
    deliverer = Deliverer(store, definitions(), lambda: None, waits.append, stopping=lambda: bool(waits))
    huge = msgspec.json.encode(msgspec.json.decode(value(2)) | {field: (1 << 64) - 1})
    assert deliverer.deliver([huge, value(1)])
    assert (deliverer.written, deliverer.aside.count, waits) == (1, 1, [])


def test_a_decision_of_a_release_not_yet_read_waits_for_it(store: SqliteDecisions) -> None:
    known, waits = definitions(), []
    deliverer = Deliverer(store, known, lambda: give(known, 2, 2) if len(waits) == 2 else None, wait=waits.append)
    assert deliverer.deliver([value(1, release=2)])
    assert len(waits) == 2
    assert deliverer.written == 1


def test_a_decision_of_a_release_no_longer_held_is_kept_too(store: SqliteDecisions) -> None:
    known = definitions(20)
    known.take([("c", "release:0000000001", None)])
    assert known.releases.get(1) is None
    deliverer = Deliverer(store, known, lambda: None)
    assert deliverer.deliver([value(1, release=1)])
    assert deliverer.written == 1


def test_integer_ids_are_ordered_as_numbers_and_foreign_ones_as_text() -> None:
    assert sorted([10, -3, 9], key=lambda number: order_of(str(number), True)) == [-3, 9, 10]
    assert sorted(["10", "9", "-3"], key=lambda text: order_of(text, False)) == ["-3", "10", "9"]
    assert order_of("abc", True) == b"abc"
    assert order_of(str(1 << 80), True) == str(1 << 80).encode()
