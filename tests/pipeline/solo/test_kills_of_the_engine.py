"""The engine of a solo system and its side jobs are killed at random moments: nothing is lost, nothing comes twice, no answer differs."""

import pathlib
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable

import msgspec
import pytest
from solo_folder import by_topic, everything_is_delivered, names_of, outcomes_of, records_of, require_delivered_once, run_anew

from foundation.settings import Settings
from pipeline.log.log_folder import INPUT
from pipeline.solo.engine import STATE

pytestmark = pytest.mark.slow

PROGRAM = pathlib.Path(__file__).with_name("killed_engine.py")
SECONDS_MAX = 3_000


def until(condition: Callable[[], object], program: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not condition():
        assert program.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.3)


@pytest.mark.parametrize("kills", [3, pytest.param(200, marks=pytest.mark.deep)])
def test_kills_at_random_moments_lose_nothing_and_change_no_answer(tmp_path: pathlib.Path, kills: int) -> None:
    settings = Settings(runtime="solo", folder=str(tmp_path))
    command = [sys.executable, str(PROGRAM), str(tmp_path), str(kills), "1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        try:
            assert program.stdout.readline() == "killed\n"
            acknowledged = noted(tmp_path / "acknowledged.jsonl")
            labelled = {str(id) for kind, id in acknowledged if kind == "label"}
            until(lambda: everything_is_delivered(settings, labelled), program)
            until(lambda: written_position(settings) == records_of(settings, INPUT)[-1].ordinal + 1, program)
        finally:
            program.stdin.close()
            program.wait(60)
    came = records_of(settings, INPUT)
    alone, outcomes = run_anew(came), outcomes_of(settings)
    assert by_topic(outcomes) == by_topic(alone.outcomes), "what is written is what a run without kills writes, in its order"
    answers = noted(tmp_path / "answered.jsonl")
    assert [(name, answer) for name, answer in answers if answer not in alone.replies[name]] == [], "and so is what was answered"
    events = Counter(
        str(msgspec.json.decode(record.value)["id"]) for record in came if record.topic == "events" and b"no event" not in record.value
    )
    taken = Counter(str(id) for kind, id in acknowledged if kind in ("add", "correct", "repeat", "retract"))
    assert {id: count for id, count in taken.items() if events[id] < count} == {}, "what was acknowledged is in the log"
    require_delivered_once(settings, names_of(outcomes))
    counts = Counter(kind for kind, _ in acknowledged)
    assert set(counts) >= {"add", "label", "correct", "repeat", "retract", "entry", "fact", "nothing", "too late", "release"}
    print(f"{kills} kills: {len(came)} records, {len(outcomes)} outcomes, {len(answers)} answers, acknowledged {dict(counts)}")


def written_position(settings: Settings) -> int:
    """How far the log was decided when the state was written last."""
    connection = sqlite3.connect(f"{settings.path(*STATE).as_uri()}?mode=ro", uri=True)
    try:
        return connection.execute("select value from positions where name = 'input'").fetchone()[0]
    finally:
        connection.close()


def noted(path: pathlib.Path) -> list[tuple[str, object]]:
    """The lines of a file of notes; the last one may be torn."""
    lines = path.read_bytes().split(b"\n")
    return [tuple(msgspec.json.decode(line)) for line in lines[:-1]]
