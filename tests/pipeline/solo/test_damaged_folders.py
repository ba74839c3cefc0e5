"""A folder of a solo system of which a part is missing, cut off or another's: it starts and loses nothing, or says what is wrong."""

import pathlib
import shutil
import threading
import time
from collections.abc import Callable

import msgspec
import pytest

from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.log.frame import Entry
from pipeline.log.log_folder import INPUT, LOGS, OUTPUT, close_writers, segments_of
from pipeline.log.reader import LogReader
from pipeline.solo.engine import STATE, Engine
from pipeline.trial.one_process import OneProcess

TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\nfields: {amount: {type: decimal, retain: true}}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n- {name: mean_1d, template: mean, value: event.amount, window: 1d}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n",
    "policy": "score: first_ready(own)\nbands: [{below: 0.5, action: approve}, {action: review}]\nfallback: {action: review}\n",
}
START_MS = 1_700_000_000_000
FILES = ("input/{}.log", "output/{}.log", "state.db", "state.db-wal", "input/writer.lock")
PLACES = {name: pathlib.PurePath("solo", *(() if name.startswith("state") else ("log",)), name.format("0" * 20)) for name in FILES}


def event(id: int) -> Entry:
    return Entry("events", b"u", msgspec.json.encode({"id": id, "at": START_MS + id * 1_000, "who": f"u{id % 3}", "amount": 1.5 + id % 5}))


class Running:
    """An engine in `folder`; `clock_ms` is its time."""

    def __init__(self, folder: pathlib.Path, clock_ms: Callable[[], int] = lambda: START_MS + (1 << 40)) -> None:
        self.logs = Settings(folder=str(folder)).path(*LOGS)
        settings = Settings(runtime="solo", folder=str(folder), log_fsync="os")
        self.engine = Engine(settings, lambda replies: None, clock=lambda: clock_ms() / 1000)
        try:
            self.engine.open()
        except Refusal:
            close_writers(self.logs)
            raise
        self.engine.start()

    def decide(self, ids: range) -> None:
        """Returns once these events are in the log."""
        for id in ids:
            self.put([event(id)])

    def put(self, entries: list[Entry]) -> None:
        done = threading.Event()
        self.engine.put(entries, lambda end, problem: done.set())
        assert done.wait(60)

    def wait(self) -> str:
        """Returns the problem of the engine, '' once all in the log was decided."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if self.engine._died_of:
                return self.engine.problem
            if not self.engine.problem and self.engine._checkpoints.positions.get(INPUT, 0) == self.engine._input.end:
                return ""
            time.sleep(0.01)
        raise AssertionError(self.engine.problem)

    def decisions(self) -> list[dict[str, object]]:
        reader, found = LogReader(segments_of(self.logs, OUTPUT), ["decisions"]), []
        while records := reader.read(1_000):
            found += [msgspec.json.decode(record.value or b"") for record in records]
        return [{name: value for name, value in each.items() if name not in ("processed_at", "latency_ms")} for each in found]

    def close(self) -> None:
        self.engine.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder as a killed process leaves it: copied while the engine runs, after some checkpoints."""
    folder, copy = tmp_path_factory.mktemp("running"), tmp_path_factory.mktemp("copy") / "system"
    running = Running(folder)
    running.put([Entry("control", key.encode(), value) for _, key, value in OneProcess.records_of(1, TEXTS)])
    running.decide(range(40))
    running.wait()
    until = time.monotonic() + 60
    while running.engine._checkpoints.written.get(INPUT, 0) < 40 and time.monotonic() < until:
        time.sleep(0.05)
    running.decide(range(40, 60))
    running.wait()
    shutil.copytree(folder, copy)
    running.close()
    return copy


@pytest.fixture(scope="module")
def expected(whole: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """The decisions of a folder that lacks nothing."""
    return goes_on(shutil.copytree(whole, tmp_path_factory.mktemp("expected") / "system"))


def goes_on(folder: pathlib.Path) -> list[dict[str, object]]:
    """Starts an engine in `folder`, has it decide more, and gives all decisions.

    Raises:
        Refusal: the engine refuses the folder.
    """
    running = Running(folder)
    try:
        assert running.wait() == ""
        running.decide(range(60, 70))
        assert running.wait() == ""
        return running.decisions()
    finally:
        running.close()


def test_a_copied_folder_goes_on_in_another_place(expected: list[dict[str, object]]) -> None:
    assert [each["event_id"] for each in expected] == [str(id) for id in range(70)]
    assert expected[-1]["features"]["count_1h"] == 24  # type: ignore[index]


@pytest.mark.parametrize("damage", ["missing", "empty", "cut"])
@pytest.mark.parametrize("file", FILES)
def test_a_folder_that_lacks_a_part_is_refused_with_that_part_or_goes_on_with_the_same_answers(
    file: str, damage: str, whole: pathlib.Path, expected: list[dict[str, object]], tmp_path: pathlib.Path
) -> None:
    folder = shutil.copytree(whole, tmp_path / "system")
    path = folder / PLACES[file]
    if not path.exists():
        pytest.skip("the copy has no such file")
    if damage == "missing":
        path.unlink()
    else:
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2 if damage == "cut" else 0])
    found = gone_on_or_refused(folder)
    assert found == expected or (isinstance(found, Refusal) and str(folder / "solo") in str(found) and found.remedy)


def gone_on_or_refused(folder: pathlib.Path) -> list[dict[str, object]] | Refusal:
    try:
        return goes_on(folder)
    except Refusal as refusal:
        return refusal


def test_a_state_of_another_system_is_refused_or_of_no_consequence(whole: pathlib.Path, tmp_path: pathlib.Path) -> None:
    folder = shutil.copytree(whole, tmp_path / "system")
    shutil.rmtree(folder.joinpath(*LOGS))
    with pytest.raises(Refusal, match="log shorter than its state"):
        Running(folder)


def test_a_clock_that_is_set_back_changes_no_answer_and_removes_nothing(expected: list[dict[str, object]], tmp_path: pathlib.Path) -> None:
    clock = [START_MS + (1 << 40)]

    def back() -> int:
        clock[0] -= 3_600_000  # an hour at each look
        return clock[0]

    decisions: list[dict[str, object]] = []
    for ids in (range(40), range(40, 60), range(60, 70)):
        running = Running(tmp_path, back)
        if not decisions:
            running.put([Entry("control", key.encode(), value) for _, key, value in OneProcess.records_of(1, TEXTS)])
        running.decide(ids)
        assert running.wait() == ""
        running.engine._keep()
        decisions = running.decisions()
        running.close()
    assert decisions == expected


def test_a_state_file_is_where_the_readers_of_this_test_look(whole: pathlib.Path) -> None:
    assert (whole / PLACES["state.db"]) == whole.joinpath(*STATE)
