"""The engine of a solo system: the answers of a replay, and the same ones whenever its process was killed."""

import contextlib
import functools
import pathlib
import random
import shutil
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import ClassVar

import msgspec
import pyarrow as pa
import pyarrow.parquet
import pytest

from deploy.servers import topics
from foundation import age_clock
from foundation.refusal import Refusal
from foundation.settings import Settings
from patterns.entries import Change
from patterns.entries import Entry as ListEntry
from patterns.lists import DECLARATION
from pipeline.engine.definitions.release import compile_release
from pipeline.log.frame import Entry
from pipeline.log.log_folder import COMPACTED, INBOX, INPUT, LOGS, LOGS_OF, OUTPUT, SIDE, close_writers, segments_of, writer_of
from pipeline.log.reader import LogReader
from pipeline.log.segments import segment_paths
from pipeline.log.writer import LogWriter
from pipeline.replay.replay import Replay
from pipeline.score_job.facts import fact_key
from pipeline.solo import engine as engine_module
from pipeline.solo.arrivals import LOOK_SECONDS_MIN
from pipeline.solo.checkpoints import Checkpoints
from pipeline.solo.engine import STATE, Engine
from pipeline.solo.intake import Intake, IntakeFullError
from pipeline.solo.stages import CONTROL_TOPICS, TOLD_TOPICS
from pipeline.solo.state_file import STAGES
from pipeline.tables.event_files import read_history
from pipeline.trial.one_process import OneProcess
from pipeline.wire.declaration import Source

TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\nentities: [shop]\n"
    "fields: {amount: {type: decimal, scale: 2, retain: true}}\nlateness: 10m\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n- {name: mean_1d, template: mean, value: event.amount, window: 1d}\n"
    "- {name: shop_count_1h, template: count, entity: shop, window: 1h}\n"
    "- {name: shop_risk, template: label_rate, entity: shop, window: {length: 1d, delay: 1h}}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], "
    "parameters: {grace_period: 3}}\n",
    "policy": "score: first_ready(own)\nbands: [{below: 0.5, action: approve}, {below: 0.9, action: review}, {action: block}]\n"
    "fallback: {action: review}\n",
    "pattern:often": "title: Pays often\nowner: tests\nstatus: active\nwhen: feature.count_1h > 3.0\nthen: {action: review, adjust: 0.5}\n",
    "pattern:shop": "title: A busy shop\nowner: tests\nstatus: active\nseverity: high\n"
    "when: feature.shop_count_1h > 6.0 && event.amount > 50.0\nthen: {action: block, reason: '{event.amount} there'}\n",
    "pattern:rising": "title: Rises\nowner: tests\nstatus: active\nsequence:\n  within: 2h\n  steps:\n"
    "    - {name: low, when: event.amount < 40.0, times: 2+}\n"
    "    - {name: high, when: event.amount > 2.0 * low.mean(event.amount), gap: 1h}\n"
    "then: {action: review, reason: '{low.count} low ones'}\n",
    "pattern:watched": "title: Seen\nowner: tests\nstatus: shadow\nwhen: model.own > 0.8\nthen: {action: block}\n",
}
START_MS = 1_700_000_000_000
YEAR_MS = 365 * 86_400_000
REPLY = [("weir-reply", b"api-1/1")]


def payments(count: int, seed: int = 1) -> list[bytes]:
    draw = random.Random(seed)
    at, events = START_MS, []
    for id in range(count):
        at += draw.randrange(0, 60_000)
        shop = f"s{draw.randrange(6)}" if draw.random() < 0.9 else None
        late = draw.randrange(0, 900_000) if draw.random() < 0.1 else 0
        event = {"id": id, "at": at - late, "who": f"u{draw.randrange(12)}", "shop": shop, "amount": draw.randrange(1, 9_999) / 100}
        events.append(msgspec.json.encode(event))
        if draw.random() < 0.05:
            events.append(b'{"id": 1, "no event"')
        if draw.random() < 0.05:
            events.append(events[-1])
    return events


def entries(values: Sequence[bytes], headers: Sequence[tuple[str, bytes]] = ()) -> list[Entry]:
    return [Entry("events", b"u", value, headers) for value in values]


def release(id: int = 1, texts: dict[str, str] = TEXTS) -> list[Entry]:
    return [Entry("control", key.encode(), value) for _, key, value in OneProcess.records_of(id, texts)]


class Running:
    """An engine in a folder, and the replies that it gave; `clock` is when its records are appended."""

    CHOSEN: ClassVar[dict[str, int]] = {}
    BEGINS_MS: ClassVar[int] = START_MS + (1 << 40)

    def __init__(self, folder: pathlib.Path) -> None:
        self.settings = Settings(runtime="solo", folder=str(folder), log_fsync="os", **self.CHOSEN)
        self.folder = self.settings.path(*LOGS)
        self.replies: list[tuple[str, bytes]] = []
        self.now_ms = self.BEGINS_MS
        self.engine = Engine(self.settings, self.replies.extend, clock=lambda: self.now_ms / 1000)
        self.engine.open()
        self.engine.start()

    def put(self, given: Sequence[Entry]) -> None:
        """Hands over records, and returns once they are in the log."""
        done = threading.Event()
        self.engine.put(given, lambda end, problem: done.set())
        assert done.wait(60)

    def wait(self) -> "Running":
        """Returns once everything in the log was decided."""
        until(lambda: not self.engine.problem and self.engine._checkpoints.positions.get("input") == self.engine._input.end)
        return self

    def outcomes(self, topic: str = "decisions") -> list[dict[str, object]]:
        return outcomes_in(self.folder, topic)

    def close(self) -> None:
        self.engine.close()


def outcomes_in(folder: pathlib.Path, topic: str) -> list[dict[str, object]]:
    reader, found = LogReader(segments_of(folder, OUTPUT), [topic]), []
    while records := reader.read(1_000):
        found += [msgspec.json.decode(record.value or b"") for record in records]
    for each in found:
        each.pop("processed_at", None), each.pop("latency_ms", None)
    return found


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def running(tmp_path: pathlib.Path):
    made: list[Running] = []

    def start(name: str = "system") -> Running:
        made.append(Running(tmp_path / name))
        return made[-1]

    yield start
    for each in made:
        if not each.engine._stopping:
            each.close()


@functools.cache
def whole_run(count: int = 400) -> list[dict[str, object]]:
    """The decisions of a run of the stages that nothing interrupts."""
    job = OneProcess()
    job.release(1, TEXTS)
    job.events(payments(count), at_ms=START_MS + (1 << 40))
    found = job.decisions()
    for each in found:
        each.pop("processed_at"), each.pop("latency_ms")
    return found


def test_decisions_equal_those_of_a_replay_in_the_order_of_arrival(running, tmp_path) -> None:
    system = running()
    system.put(release())
    values = [value for value in payments(400) if b"no event" not in value]
    for first in range(0, len(values), 37):
        system.put(entries(values[first : first + 37]))
    decided = system.wait().outcomes()
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(values))
    compiled = compile_release(1, TEXTS)
    history = read_history([tmp_path / "events.jsonl"], compiled.schema, order="arrival")
    Replay(compiled, history, None).run(tmp_path)
    replayed = pa.parquet.read_table(tmp_path / "decisions.parquet").to_pylist()
    scored = [row for row in replayed if row["score"] is not None or row["features"] is not None]
    by_id = {each["event_id"]: each for each in decided}
    assert len(by_id) == len(decided) > 300
    compared = 0
    for row in scored:
        each = by_id.get(row["event_id"])
        if each is None:
            continue
        compared += 1
        assert each["action"] == row["action"]
        assert each["score"] == row["score"]
        assert each["features"] == row["features"]
        assert [match["pattern"] for match in each["matches"]] == row["matches"]
        assert (each["match_count"], each["decided_by"]) == (row["match_count"], row["decided_by"])
    assert compared == len(decided)
    assert {match["pattern"] for each in decided for match in each["matches"]} == {"often", "rising", "shop", "watched"}


def test_each_event_is_answered_and_what_is_none_becomes_a_dead_letter(running) -> None:
    system = running()
    system.put(release())
    [good, *_] = payments(1)
    system.put(entries([good, b"{}", good], REPLY))
    system.wait()
    answers = sorted((msgspec.json.decode(value) for _, value in system.replies), key=lambda each: (each["event_id"], each["flags"]))
    assert {name for name, _ in system.replies} == {"api-1/1"}
    assert [(each["event_id"], each["flags"]) for each in answers] == [("", ["degraded"]), ("0", []), ("0", ["duplicate"])]
    [letter] = system.outcomes("dead-letters")
    assert (letter["offset"], letter["partition"]) == (len(release()) + 1, 0), "its place in the log"
    assert len(system.outcomes()) == 1


def test_a_copy_of_the_folder_at_any_moment_goes_on_and_nothing_is_lost_or_doubled(running, tmp_path) -> None:
    """A copy while the engine runs is what a kill leaves, or worse: its files are not even of one moment."""
    system = running()
    system.put(release())
    values = payments(400)
    draw = random.Random(3)
    first, copies = 0, []
    while first < len(values):
        size = draw.choice([1, 5, 60])
        system.put(entries(values[first : first + size]))
        first += size
        if draw.random() < 0.3:
            if draw.random() < 0.5:
                system.wait()
                system.engine._checkpoints._written_at = -1e9  # so that the state is written at different positions
            copies.append(copied(system, tmp_path / f"copy-{len(copies)}"))
    assert system.wait().outcomes() == whole_run()
    for folder in copies:
        again = running(folder.name)
        again.wait()
        known = again.engine._input.end - len(release())
        again.put(entries(values[known:]) or entries(values[:1]))
        assert again.wait().outcomes() == whole_run(), folder.name
        again.close()


def copied(system: Running, folder: pathlib.Path) -> pathlib.Path:
    """Copies the state first and the log of events last, as each is ahead of the one before."""
    source = system.settings.path()
    for name in ("solo/state.db-wal", "solo/state.db"):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (source / name).exists():
            shutil.copyfile(source / name, target)
    for name in ("output", "input"):
        shutil.copytree(system.folder / name, folder / "solo" / "log" / name)
    return folder


def test_events_that_a_loss_of_power_took_from_the_log_may_come_again_and_are_decided(running) -> None:
    """Their outcomes may be on the disk all the same, for only the log of events is written through to it."""
    system = running()
    system.put(release())
    values = payments(60)
    system.put(entries(values[:20]))
    engine = system.wait().engine
    engine._checkpoints.write(engine._stages.checkpoint)
    end = system.engine._input.segments.all[-1].size
    system.engine._checkpoints._written_at = time.monotonic() + 1e9
    system.put(entries(values[20:60]))
    system.wait()
    decided = len(system.outcomes())
    stopped_without_a_state(system)
    [(_, path)] = segment_paths(system.folder / "input")
    with path.open("r+b") as file:
        file.truncate(end)
    for _ in range(2):  # the second time, too, nothing is taken for decided that is not
        system = running().wait()
        system.engine._checkpoints._written_at = time.monotonic() + 1e9
        known = system.engine._input.end - len(release())
        system.put(entries(values[known : known + 20]))
        system.wait()
        stopped_without_a_state(system)
    system = running().wait()
    ids = {each["event_id"] for each in system.outcomes()}
    assert ids == {each["event_id"] for each in whole_run(60)} or len(ids) == decided
    assert len(system.outcomes()) > decided


def stopped_without_a_state(system: Running) -> None:
    """Ends an engine as a kill does, which writes no state."""
    system.engine._checkpoints.write_last = lambda save: None  # type: ignore[method-assign]
    system.close()


def test_what_other_processes_append_is_taken_in_once_whatever_ends_in_between(running, tmp_path) -> None:
    system = running()
    system.put(release())
    inbox = LogWriter(system.folder / INBOX, "os")
    side = LogWriter(system.folder / SIDE, "os")
    [first, second, *_] = [value for value in payments(20) if b"no event" not in value]
    inbox.append(entries([first]))
    until(lambda: len(system.wait().outcomes()) == 1)
    label = {"event_id": "0", "id_key": 0, "event_time": START_MS, "label": 1, "label_time": START_MS, "user": "u1"}
    side.append([Entry("labels-resolved", b"who\0u1", msgspec.json.encode(label)), Entry("learners", b"place", b"not for the engine")])
    until(lambda: system.engine._checkpoints.positions.get(SIDE) == 1)
    system.close()
    again = running()
    again.wait()
    assert len(again.outcomes()) == 1
    inbox.append(entries([second]))
    until(lambda: len(again.wait().outcomes()) == 2)
    inbox.close()
    side.close()
    topics = [record.topic for record in LogReader(again.engine._input.segments, ("events", "labels-resolved", "learners")).read(10)]
    assert topics == ["events", "labels-resolved", "events"], "the log has all that was taken in, in the order in which it was"


def test_a_second_engine_of_the_same_folder_is_refused(running) -> None:
    system = running()
    with pytest.raises(Refusal, match="log in use"):
        Engine(system.settings, lambda replies: None).open()


def test_a_log_that_is_shorter_than_its_state_is_refused(running) -> None:
    system = running()
    system.put(release())
    system.put(entries(payments(5)))
    system.wait().close()
    for name in ("input", "output"):
        shutil.rmtree(system.folder / name)
    with pytest.raises(Refusal, match="log shorter than its state"):
        Engine(system.settings, lambda replies: None).open()
    close_writers(system.folder)


def test_a_start_without_a_state_replays_the_whole_log(running, tmp_path) -> None:
    system = running()
    system.put(release())
    system.put(entries(payments(400)))
    assert system.wait().outcomes() == whole_run()
    system.close()
    for path in system.settings.path("solo").glob("state.db*"):
        path.unlink()
    again = running().wait()
    assert again.engine.decided == len(payments(400))
    assert again.outcomes() == whole_run(), "what was decided before is not written a second time"


def test_a_log_that_cannot_be_written_says_so_and_goes_on_when_it_can(running, monkeypatch) -> None:
    system = running()
    system.put(release())
    system.wait()

    def full(entries: object, at_ms: int) -> int:
        raise OSError(28, "No space left on device")

    answers: list[tuple[int, str]] = []
    with monkeypatch.context() as patch:
        patch.setattr(system.engine._input, "append_at", full)
        system.engine.put(entries(payments(1)), lambda end, problem: answers.append((end, problem)))
        until(lambda: answers)
    assert answers == [(-1, "the log cannot be written: No space left on device")]
    system.put(entries(payments(1)))
    assert len(system.wait().outcomes()) == 1
    assert not system.engine.write_problem
    system.engine.put([], lambda end, problem: answers.append((end, problem)))
    until(lambda: len(answers) == 2)
    assert answers[1] == (system.engine._input.end, ""), "nothing at all is in the log at once"


def test_more_than_may_wait_is_refused_and_a_batch_is_taken_whole() -> None:
    intake = Intake(records_max=5, bytes_max=1_000)
    intake.put(entries([b"x"] * 4))
    with pytest.raises(IntakeFullError):
        intake.put(entries([b"x"] * 2))
    intake.put(entries([b"x"]))
    with pytest.raises(IntakeFullError):
        intake.put(entries([b"y" * 2_000]))
    assert [len(each.entries) for each in intake.take(4, 1_000, 0)] == [4]
    assert [len(each.entries) for each in intake.take(4, 1_000, 0)] == [1]
    intake.put(entries([b"y" * 2_000] * 9))
    assert [len(each.entries) for each in intake.take(4, 1_000, 0)] == [9]


def test_readers_of_this_process_and_of_others_see_what_the_engine_wrote(running) -> None:
    system = running()
    system.put(release())
    system.put(entries(payments(3)))
    system.wait()
    assert writer_of(system.folder, OUTPUT) is system.engine._output
    assert len(outcomes_in(system.folder, "decisions")) >= 1


def test_every_topic_of_a_broker_stands_in_a_log_too_and_compacted_ones_are_known() -> None:
    assert set(LOGS_OF) - {"roll-up"} == {*topics.STREAMS, *topics.COMPACTED}
    assert set(COMPACTED) - {"roll-up"} == set(topics.COMPACTED)


def test_what_the_stages_take_in_on_flink_they_take_in_here() -> None:
    taken_in = {"events": Source.EVENT, "control": Source.CONTROL, "models": Source.MODEL, "labels-resolved": Source.LABEL}
    taken_in["facts"] = Source.FACT
    assert set(taken_in.values()) == set(Source) - {Source.ANY_TOPIC}, "a source that is new here needs its way into the engine"
    assert {"events", *CONTROL_TOPICS, *TOLD_TOPICS} == set(taken_in)


def test_entries_of_lists_are_known_to_the_events_behind_them_also_after_a_restart(running) -> None:
    features = TEXTS["features"] + "- {name: watched, expression: 'event.shop in list.watched'}\n"
    texts = TEXTS | {"features": features, "list:watched": DECLARATION}
    key, value = Change("watched", "s1", ListEntry("watched", "s1")).record()
    events = [msgspec.json.encode({"id": id, "at": START_MS + id, "who": "u", "shop": "s1", "amount": 1.0}) for id in range(3)]
    system = running()
    system.put([*release(1, texts), *entries(events[:1])])
    until(lambda: len(system.outcomes()) == 1)
    system.put([Entry("entries", key.encode(), value), *entries(events[1:2])])
    until(lambda: len(system.outcomes()) == 2)
    system.close()
    again = running()
    again.put(entries(events[2:]))
    until(lambda: len(again.outcomes()) == 3)
    assert [decision["features"]["watched"] for decision in again.outcomes()] == [0, 1, 1]


def test_an_entry_counts_from_its_place_in_the_log_on_whatever_is_taken_in_together_and_however_often_the_log_is_read(running) -> None:
    features = TEXTS["features"] + "- {name: watched, expression: 'event.shop in list.watched'}\n"
    texts = TEXTS | {"features": features, "list:watched": DECLARATION}
    key, value = Change("watched", "s1", ListEntry("watched", "s1")).record()
    events = [msgspec.json.encode({"id": id, "at": START_MS + id, "who": "u", "shop": "s1", "amount": 1.0}) for id in range(3)]
    system = running()
    system.put([*release(1, texts), *entries(events[:2]), Entry("entries", key.encode(), value), *entries(events[2:])])
    until(lambda: len(system.outcomes()) == 3)
    assert [decision["features"]["watched"] for decision in system.outcomes()] == [0, 0, 1]
    stopped_without_a_state(system)
    for path in [*system.settings.path("solo").glob("state.db*"), *(system.folder / OUTPUT).glob("*")]:
        path.unlink()
    again = running().wait()
    assert [decision["features"]["watched"] for decision in again.outcomes()] == [0, 0, 1]


def test_a_start_has_its_definitions_when_their_segment_was_removed_just_before_the_end(running) -> None:
    """What was appended again stands behind the events that the start reads: the old segment stays until a checkpoint is behind both."""
    system = running()
    system.engine._input._segment_bytes = 4_000
    system.put(release())
    values = payments(400)
    put_in_parts(system, values[:200])
    engine = system.wait().engine
    engine._checkpoints.write(engine._stages.checkpoint)
    engine._checkpoints.wait()
    engine._checkpoints._written_at = time.monotonic() + 1e9
    put_in_parts(system, values[200:300])
    system.wait()
    engine._settings = msgspec.structs.replace(system.settings, log_bytes_max=1)
    engine._keep()
    engine._keep()
    assert segment_paths(system.folder / INPUT)[0][0] == 0, "the only segment with definitions that stand before the state's position"
    stopped_without_a_state(system)
    system = running().wait()
    put_in_parts(system, values[300:])
    system.wait()
    assert system.outcomes() == whole_run()
    engine = system.engine
    engine._checkpoints.write(engine._stages.checkpoint)
    engine._checkpoints.wait()
    engine._settings = msgspec.structs.replace(system.settings, log_bytes_max=1)
    engine._keep()
    assert segment_paths(system.folder / INPUT)[0][0] > 0, "a checkpoint is behind what was appended again"
    system.close()
    again = running()
    again.put(entries([msgspec.json.encode({"id": 9_999, "at": START_MS + (1 << 30), "who": "u1", "shop": "s1", "amount": 1.0})]))
    until(lambda: again.outcomes()[-1]["event_id"] == "9999")


def test_an_end_while_the_log_is_read_again_doubles_nothing(running, monkeypatch) -> None:
    system = running()
    system.engine._checkpoints._written_at = time.monotonic() + 1e9
    system.put(release())
    system.put(entries(payments(400)))
    system.wait()
    assert system.outcomes() == whole_run()
    stopped_without_a_state(system)

    def end_after_a_checkpoint(engine: Engine) -> None:
        engine._checkpoints.write(engine._stages.checkpoint)
        engine._checkpoints.wait()
        engine._stopping = True

    monkeypatch.setattr(Running, "CHOSEN", {"bundle_events_max": 100})
    for _ in range(3):
        with monkeypatch.context() as patch:
            patch.setattr(Engine, "_look_after", end_after_a_checkpoint)
            again = running()
            again.engine._thread.join()
            again.close()
    assert running().wait().outcomes() == whole_run()


def test_a_start_without_a_state_knows_what_stood_in_the_segments_that_were_removed(running) -> None:
    features = (
        TEXTS["features"] + "- {name: watched, expression: 'event.shop in list.watched'}\n- {name: limit, expression: 'entity.who.limit'}\n"
    )
    texts = TEXTS | {"features": features, "list:watched": DECLARATION, "schema": TEXTS["schema"] + "facts: {who: {limit: number}}\n"}
    key, value = Change("watched", "s1", ListEntry("watched", "s1")).record()
    fact = {"kind": "who", "entity": "u1", "name": "limit", "since": START_MS - 1_000_000, "value": 7}
    system = running()
    system.engine._input._segment_bytes = 4_000
    told = Entry("facts", fact_key("who", "u1", "limit"), msgspec.json.encode(fact))
    system.put([*release(1, texts), Entry("entries", key.encode(), value), told])
    values = payments(300)
    put_in_parts(system, values)
    engine = system.wait().engine
    engine._settings = msgspec.structs.replace(system.settings, log_bytes_max=1)
    engine._checkpoints.write(engine._stages.checkpoint)
    engine._checkpoints.wait()
    engine._keep()
    put_in_parts(system, values[:1])
    system.wait()
    engine._checkpoints.write(engine._stages.checkpoint)
    engine._checkpoints.wait()
    engine._settings = msgspec.structs.replace(system.settings, log_bytes_max=20_000)
    engine._keep()
    oldest = segment_paths(system.folder / INPUT)[0][0]
    assert oldest > 0
    stopped_without_a_state(system)
    for path in [*system.settings.path("solo").glob("state.db*"), *(system.folder / OUTPUT).glob("*")]:
        path.unlink()
    again = running().wait()
    assert {each["reason"]["what"] for each in again.outcomes("dead-letters")} <= {"not JSON", "bad JSON"}
    decided = again.outcomes()
    assert len(decided) > 50
    assert all(each["features"]["watched"] == (each["entities"]["shop"] == "s1") for each in decided if each["entities"]["shop"])
    assert {each["features"]["limit"] for each in decided if each["user"] == "u1"} == {7}


def put_in_parts(system: Running, values: Sequence[bytes]) -> None:
    for first in range(0, len(values), 20):
        system.put(entries(values[first : first + 20]))


def test_profiles_that_are_kept_no_longer_go_while_the_engine_runs(running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "FORGET_SECONDS", 0.5)
    monkeypatch.setattr(age_clock, "PACE", 1e12)
    system = with_profiles(running)
    system.now_ms += 10 * YEAR_MS
    until(lambda: profiles_in(system) == 0)
    assert system.engine.problem == ""


def test_a_clock_that_is_years_ahead_for_a_while_makes_no_profile_go_also_not_at_a_start(running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "FORGET_SECONDS", 0.1)
    asked: list[int] = []
    monkeypatch.setattr(Checkpoints, "forget_later", lambda self, before_ms: asked.append(before_ms))
    system = with_profiles(running)
    known = profiles_in(system)
    began = system.now_ms
    system.now_ms += 10 * YEAR_MS
    until(lambda: len(asked) >= 3)
    system.close()
    monkeypatch.setattr(Running, "BEGINS_MS", system.now_ms)
    again = running().wait()
    again.close()
    assert profiles_in(again) == known
    assert max(asked) <= began, "what was written by then is kept"


def test_a_clock_that_was_set_back_for_a_while_makes_no_profile_look_old(running) -> None:
    system = with_profiles(running)
    system.now_ms -= 10 * YEAR_MS
    before = dict(written_in(system))
    system.put(entries([msgspec.json.encode({"id": 10**6, "at": START_MS + 10**6, "who": "u-back", "shop": None, "amount": 1.0})]))
    until(lambda: len(written_in(system)) > len(before))
    assert min(written_in(system).values()) >= min(before.values())


def with_profiles(running) -> Running:
    """A system that has decided some events, and written what it knows of their entities."""
    system = running()
    system.put(release())
    system.put(entries(payments(20)))
    system.wait()
    until(lambda: profiles_in(system) > 0)
    return system


def written_in(system: Running) -> dict[bytes, int]:
    """When each profile of a user was written last."""
    with contextlib.closing(sqlite3.connect(system.settings.path(*STATE))) as connection:
        return dict(connection.execute("select key, written_ms from user_heads").fetchall())


@pytest.mark.slow
def test_logs_of_other_processes_are_looked_at_now_and_then_and_not_at_each_micro_batch(running, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    monkeypatch.setattr(LogReader, "refresh", lambda self: looks.append(id(self)))
    system = running()
    system.put(release())
    system.wait()
    before, began = len(looks), time.monotonic()
    for event in payments(200):
        system.put(entries([event]))
    of_each_log = Counter(looks[before:])
    assert max(of_each_log.values(), default=0) <= 2 + (time.monotonic() - began) / LOOK_SECONDS_MIN


def profiles_in(system: Running) -> int:
    """In the state file."""
    with contextlib.closing(sqlite3.connect(system.settings.path(*STATE))) as connection:
        return sum(connection.execute(f"select count(*) from {stage}_heads").fetchone()[0] for stage in STAGES)
