"""Records that nobody foresaw, on every topic that a job or the API reads: each costs itself, and those behind it are taken."""

import pathlib
from collections.abc import Callable
from typing import Any

import duckdb
import msgspec
import numpy as np
import pytest

from deploy.command import SAMPLES
from deploy.local.releases import read_folder
from foundation.content_hash import content_hash
from foundation.settings import Settings
from pipeline.control.definitions import Definitions
from pipeline.engine.definitions.release import compile_release
from pipeline.engine.isolation import Aside, NoRecordsFaultError, one_by_one
from pipeline.learning.label_record import LabelRecord
from pipeline.learning.label_resolver import LabelResolver
from pipeline.learning.learn_job import LearnJob
from pipeline.learning.trainer import Trainer
from pipeline.sinks import deliver_job
from pipeline.sinks.deliver_job import Deliverer
from pipeline.sinks.metric_follower import MetricFollower
from pipeline.training import served_source
from stores.decisions import EventName, StoredDecision, StoreUnavailableError, TopicPlace
from stores.metrics.duckdb_metrics import DuckDbMetrics
from stores.metrics.metric_rows import MetricRow
from stores.sqlite.sqlite_decisions import SqliteDecisions

DEEP = b'{"event_id": "1", "x": ' + b"[" * 100_000
TEXTS = read_folder(SAMPLES / "payments")


def definitions() -> Definitions:
    made = Definitions()
    for text in TEXTS.values():
        made.take([("c", f"def:{content_hash(text)}", text.encode())])
    parts = {part: content_hash(text) for part, text in TEXTS.items()}
    made.take([("c", "release:0000000001", msgspec.json.encode({"id": 1, "parts": parts}))])
    return made


def decision(id: int, **changes: object) -> bytes:
    given = {"event_id": str(id), "revision": 0, "event_time": 1_000 + id, "user": "u", "entities": {"terminal_id": "t"}, "score": 0.5}
    given |= {"action": "review", "release": 1, "event": {"amount": 1.0}, "features": {}, "latency_ms": 1.0}
    return msgspec.json.encode(given | changes)


class _Message:
    """A record as Kafka's client gives it."""

    def __init__(self, topic: str, value: bytes, offset: int) -> None:
        self._topic, self._value, self._offset = topic, value, offset

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return self._topic

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def value(self) -> bytes:
        return self._value

    def key(self) -> bytes:
        return b"u"


def raising(taken: list[int], bad: set[int], error: type[Exception] = KeyError) -> Callable[[Any], int]:
    def run(records: Any) -> int:
        if bad.intersection(records):
            raise error("planted")
        taken.extend(records)
        return len(records)

    return run


@pytest.mark.parametrize("bad", [set(), {0}, {99}, {3, 4, 50}, set(range(100))])
def test_those_that_raise_are_set_aside_and_the_others_are_taken_in_their_order(bad: set[int]) -> None:
    taken: list[int] = []
    undone, refused = [], []

    def refuse(record: int, error: Exception) -> int:
        refused.append(record)
        return 0

    assert sum(one_by_one(range(100), raising(taken, bad), lambda: undone.append(1), refuse)) == 100 - len(bad)
    assert taken == [record for record in range(100) if record not in bad]
    assert refused == sorted(bad)
    assert len(undone) <= len(bad) * 8
    assert len(undone) >= len(bad)


@pytest.mark.parametrize("error", [MemoryError, NoRecordsFaultError])
def test_what_is_no_records_fault_goes_up(error: type[Exception]) -> None:
    with pytest.raises(error):
        one_by_one(range(9), raising([], {4}, error), lambda: None, lambda record, error: 0)
    with pytest.raises(error):
        list(Aside("record").each([("t/0", 0, [4])], raising([], {4}, error)))


def test_a_record_nested_too_deep_stops_no_delivery(tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    store = SqliteDecisions(tmp_path / "decisions.db")
    deliverer = Deliverer(store, definitions(), lambda: None)
    assert deliverer.deliver([decision(1), DEEP, decision(2)], [TopicPlace(3, offset) for offset in (7, 8, 9)])
    assert (deliverer.written, deliverer.aside.count) == (2, 1)
    assert "offset 8 of decisions/3 is set aside" in caplog.text
    store.close()


class _Choosy(SqliteDecisions):
    """Takes no decision on the event 2, and is away at first."""

    def __init__(self, path: pathlib.Path) -> None:
        super().__init__(path)
        self.away = 2

    def write(self, decisions: list[StoredDecision]) -> int:
        self.away -= 1
        if self.away >= 0:
            raise StoreUnavailableError("away")
        if any(each.event_id == "2" for each in decisions):
            raise OverflowError("int too large")
        return super().write(decisions)


def test_a_decision_that_the_store_can_never_hold_is_set_aside_and_one_that_is_away_is_waited_for(tmp_path: pathlib.Path) -> None:
    store, waits = _Choosy(tmp_path / "decisions.db"), list[float]()
    deliverer = Deliverer(store, definitions(), lambda: None, waits.append)
    assert deliverer.deliver([decision(number) for number in range(5)])
    assert (deliverer.written, deliverer.aside.count, waits) == (4, 1, [0.1, 0.2])
    assert {name.event_id for name in store.get_many([EventName(str(number)) for number in range(5)])} == {"0", "1", "3", "4"}
    store.close()


def test_a_decision_of_a_release_that_nobody_made_is_filed_after_a_bounded_wait(tmp_path: pathlib.Path) -> None:
    store, waits = SqliteDecisions(tmp_path / "decisions.db"), list[float]()
    deliverer = Deliverer(store, definitions(), lambda: None, waits.append)
    assert deliverer.deliver([decision(1, release=2_000_000_000), decision(2)])
    assert deliver_job.RELEASE_SECONDS_MAX <= sum(waits) <= 2 * deliver_job.RELEASE_SECONDS_MAX
    waited = len(waits)
    assert deliverer.deliver([decision(3, release=2_000_000_000)])
    assert (deliverer.written, len(waits)) == (3, waited)
    store.close()


def test_a_label_whose_decision_cannot_be_read_is_a_dead_letter(tmp_path: pathlib.Path) -> None:
    store = SqliteDecisions(tmp_path / "decisions.db")
    keys = (("customer_id", "u"),)
    store.write([StoredDecision(str(number), 0, 5, b"1", keys, 0.5, "review", 1, value) for number, value in ((1, DEEP), (2, decision(2)))])
    resolver = LabelResolver(store, definitions(), 1_000, lambda: 10**12)
    labels = [msgspec.json.encode({"event_id": id, "label": 1, "label_time": 1_700_000_000_000}) for id in ("1", "2")]
    sent = resolver.take([LabelRecord("weir.labels/0", offset, 1, value) for offset, value in enumerate(labels)])
    assert sorted(record.topic for record in sent) == ["dead-letters", "labels-resolved"]
    letter = msgspec.json.decode(next(record.value for record in sent if record.topic == "dead-letters"))
    assert (letter["reason"]["what"], letter["topic"], letter["offset"]) == ("raised", "weir.labels", 0)
    assert "RecursionError" in letter["reason"]["got"]
    assert resolver.done()["weir.labels/0"].offset == 2
    store.close()


def learn_job() -> LearnJob:
    """One without a broker."""
    job = object.__new__(LearnJob)
    job._control = type("Control", (), {"definitions": definitions()})()
    job._offsets, job._decisions, job.aside, job.trainer = {}, "weir.decisions", Aside("decision or label"), Trainer()
    job.trainer.change(compile_release(1, TEXTS))
    return job


def test_learning_goes_on_behind_records_that_cannot_be_learned() -> None:
    bad = [DEEP, decision(2, event_time=1 << 70), decision(3, event=[]), b"\xff"]
    job, plain = learn_job(), learn_job()
    values = [decision(1), *bad, decision(4), decision(1)]
    job._take([_Message("weir.decisions", value, offset) for offset, value in enumerate(values)])  # type: ignore[arg-type]
    plain._take([_Message("weir.decisions", decision(id), id) for id in (1, 4)])  # type: ignore[arg-type]
    assert (job.aside.count, job._offsets, job.trainer.repeats) == (4, {"weir.decisions/0": 7}, 1)
    assert job.trainer.states(1) == plain.trainer.states(1)
    assert job.trainer.clock_ms == plain.trainer.clock_ms == 1_004


def test_a_place_that_cannot_be_read_leaves_the_one_before_it() -> None:
    job = learn_job()
    job._place = None  # type: ignore[assignment]
    place = msgspec.msgpack.encode({"offsets": {}, "marks": [], "clock_ms": 7, "sequence": 3, "states": {}})
    job._take_place([_Message("weir.learners", value, at) for at, value in enumerate((place, b"\xff", b""))])  # type: ignore[arg-type]
    assert job._place.clock_ms == 7


class _Planted(DuckDbMetrics):
    def __init__(self, path: pathlib.Path, error: type[duckdb.Error]) -> None:
        super().__init__(path, 5.0)
        self.error = error

    def add(self, rows: Any, offsets: Any) -> None:
        if any(row.count == 13 for row in rows):
            raise self.error("planted")
        super().add(rows, offsets)


def metric(count: int) -> bytes:
    return msgspec.json.encode(MetricRow(time=60_000, metric="decisions", count=count))


def test_rows_of_metrics_that_cannot_be_taken_are_passed_over_and_the_others_counted_once(tmp_path: pathlib.Path) -> None:
    store = _Planted(tmp_path / "metrics.duckdb", duckdb.ConversionException)
    follower = MetricFollower(store, Settings())
    values = [metric(1), DEEP, metric(13), b"", metric(2), metric(4)]
    follower._take([_Message("weir.metrics", value, offset) for offset, value in enumerate(values)])  # type: ignore[arg-type]
    assert follower.aside.count == 3
    assert store.offsets() == {"weir.metrics/0": 6}
    assert _total(store) == 7
    store.close()


def _total(store: DuckDbMetrics) -> int:
    with store._cursor() as cursor:
        return int(cursor.execute("SELECT sum(count) FROM metric").fetchall()[0][0])


def test_a_full_disk_is_blamed_on_no_row_of_metrics(tmp_path: pathlib.Path) -> None:
    store = _Planted(tmp_path / "metrics.duckdb", duckdb.IOException)
    follower = MetricFollower(store, Settings())
    with pytest.raises(NoRecordsFaultError, match="planted"):
        follower._take([_Message("weir.metrics", value, at) for at, value in enumerate((metric(1), metric(13)))])  # type: ignore[arg-type]
    assert store.offsets() == {}
    store.close()


def test_the_teacher_sees_each_event_once_within_a_batch_and_behind_it() -> None:
    job = learn_job()
    messages = [_Message("weir.decisions", decision(id), at) for at, id in enumerate((1, 1, 2, 1))]
    job._take(messages)  # type: ignore[arg-type]
    job._take(messages)  # type: ignore[arg-type]
    assert job.trainer.repeats == 2 + 4
    assert np.isfinite(job.trainer.clock_ms)


def test_while_the_disk_is_full_decisions_wait_and_what_is_there_is_read(tmp_path: pathlib.Path) -> None:
    store, waits = SqliteDecisions(tmp_path / "decisions.db", 1), list[float]()
    pages = [int(store._connection.execute("PRAGMA page_count").fetchone()[0]) + 40]
    store._connection.execute(f"PRAGMA max_page_count={pages[0]}")

    def wait(seconds: float) -> None:
        waits.append(seconds)
        assert store.latest("customer_id", "u") is None or store.get("0")
        if len(waits) == 4:
            store._connection.execute("PRAGMA max_page_count=100000")

    deliverer = Deliverer(store, definitions(), lambda: None, wait)
    for first in range(0, 2_000, 100):
        assert deliverer.deliver([decision(number) for number in range(first, first + 100)])
    assert (deliverer.written, deliverer.aside.count, waits) == (2_000, 0, [0.1, 0.2, 0.4, 0.8])
    store.close()


def test_an_export_leaves_out_decisions_that_no_column_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [decision(1), DEEP, decision(2, event_time=1 << 70), decision(3, revision=1 << 40), b"\xff", decision(4)]
    monkeypatch.setattr(served_source, "read_definitions", lambda settings: definitions())
    monkeypatch.setattr(served_source, "recorded_values", lambda *_: [values])
    source = served_source.ServedSource(Settings())
    ids = [id for batch in source.decisions() for id in batch.column("event_id").to_pylist()]
    assert (ids, source._unreadable) == (["1", "4"], 4)
