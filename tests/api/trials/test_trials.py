"""Uploaded definitions are tried in a process of their own: what they cost, and what they break, is that process alone."""

import os
import pathlib
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from api_imitation import TEXTS, Api

from api.http.problem import Problem
from api.trials import trial
from api.trials.change import CompileChange, compile_here
from api.trials.inline_trials import InlineTrials
from api.trials.process_trials import ProcessTrials
from api.trials.trial_child import bound_cpu
from foundation.refusal import Refusal
from pipeline.control.child_process import SOURCES, Child
from pipeline.engine.definitions.release import compile_release

CPU_MS_MAX = 600_000
SUM = " + ".join(f"{n}.5" for n in range(1_000))


def dear(start: int) -> dict[str, str]:
    """Definitions that cost most of a second of CPU and some 10 MiB, others for each `start`."""
    return TEXTS | {"features": "".join(f'- {{name: f{n}, expression: "event.amount + {start + n}.0 + {SUM}"}}\n' for n in range(24))}


@pytest.fixture(scope="module")
def trials() -> Iterator[ProcessTrials]:
    made = ProcessTrials(256, CPU_MS_MAX)
    wait_until_ready(made)
    yield made
    made.close()


@pytest.fixture(scope="module")
def narrow_trials() -> Iterator[ProcessTrials]:
    made = ProcessTrials(5, CPU_MS_MAX)
    wait_until_ready(made)
    yield made
    made.close()


def wait_until_ready(trials: ProcessTrials) -> None:
    """However slow the machine is."""
    while not trials.ready:
        trials.start().result()
        assert trials.pid is not None  # else it does not start


def id_of_an_upload(trials: ProcessTrials) -> int:
    """However slow the machine is: callers are put off while the process starts."""
    while True:
        try:
            return trials.compile_change(None, {}, TEXTS, {}).id
        except Problem as problem:
            if problem.status != 503:
                raise


LOADS_NOTHING = """
import pathlib
import sys
import time

import msgspec

from pipeline.control.child_process import parent_of_this

descriptor, parent, *bounds = sys.argv[1:]
connection = parent_of_this(descriptor, parent)
connection.send_bytes(b"ready")
while True:
    if b"for ever" in connection.recv_bytes():
        pathlib.Path(__file__).with_name("begun").touch()
        time.sleep(1_000)
    connection.send_bytes(msgspec.msgpack.encode([None, False]))
"""


@pytest.fixture
def quick_process(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Gives `ProcessTrials` a process that loads nothing, lets everything pass, and needs for ever for what says so; gives its folder."""
    (tmp_path / "process_of_a_test.py").write_text(LOADS_NOTHING)
    monkeypatch.setenv("PYTHONPATH", f"{SOURCES}:{tmp_path}")
    monkeypatch.setattr("api.trials.process_trials.Child", lambda module, *numbers: Child("process_of_a_test", *numbers))
    return tmp_path


@pytest.fixture
def quick_trials(quick_process: pathlib.Path) -> Iterator[ProcessTrials]:
    made = ProcessTrials(256, CPU_MS_MAX)
    wait_until_ready(made)
    yield made
    made.close()


def wait_for_end(pid: int) -> None:
    """Of a child, whose status is left for its parent to read."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


@pytest.mark.slow
def test_what_passes_is_given_compiled_and_what_does_not_is_refused_in_the_same_words(trials: ProcessTrials) -> None:
    current = compile_release(7, TEXTS)
    features = TEXTS["features"].replace("window: 1h", "window: 2h")
    release = trials.compile_change(current, TEXTS, TEXTS | {"features": features}, {"features": features})
    assert (release.id, release.features.names) == (8, current.features.names)
    refused = [
        ("features", "- nonsense"),
        ("features", '- {name: odd, expression: "event.amuont / 2"}'),
        ("schema", TEXTS["schema"].replace("user: customer", "user: terminal")),
    ]
    for part, text in refused:
        said = []
        for compile_one in (compile_here, InlineTrials(256).compile_change, trials.compile_change):
            with pytest.raises(Refusal) as caught:
                compile_one(current, TEXTS, TEXTS | {part: text}, {part: text})
            said.append((str(caught.value), caught.value.fields()))
        assert said[0] == said[1] == said[2]


def test_definitions_that_raise_where_nobody_foresaw_it_are_refused_by_the_process_that_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(*given: object) -> None:
        raise ZeroDivisionError("unforeseen")

    monkeypatch.setattr(trial, "compile_change", raises)
    with pytest.raises(Refusal, match="ZeroDivisionError: unforeseen"):
        InlineTrials(256).compile_change(None, {}, TEXTS, {})


def test_a_killed_process_comes_back_and_the_next_upload_is_tried(quick_trials: ProcessTrials) -> None:
    pid = quick_trials.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for_end(pid)
    assert quick_trials.compile_change(None, {}, TEXTS, {}).id == 1
    assert quick_trials.pid not in (pid, None)


def test_a_process_that_is_seldom_needed_is_started_by_an_upload_and_ends_when_it_is_not_used(quick_process: pathlib.Path) -> None:
    seldom = ProcessTrials(256, CPU_MS_MAX, unused_seconds_max=0.2)
    try:
        for _ in range(2):
            assert seldom.pid is None
            assert id_of_an_upload(seldom) == 1
            until = time.monotonic() + 60
            while seldom.pid is not None:
                assert time.monotonic() < until, "the process is still there"
                time.sleep(0.02)
    finally:
        seldom.close()


def test_an_upload_over_which_the_process_is_killed_is_refused_and_the_next_one_is_tried(
    quick_trials: ProcessTrials, quick_process: pathlib.Path
) -> None:
    pid = quick_trials.pid
    assert pid is not None
    with ThreadPoolExecutor(1) as threads:
        upload = threads.submit(quick_trials.compile_change, None, {}, TEXTS | {"features": "for ever"}, {})
        while not (quick_process / "begun").exists():
            time.sleep(0.002)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(Refusal) as caught:
            upload.result()
    refusal = caught.value
    assert (refusal.what, refusal.where, refusal.got) == ("release ends the process that tries it", "release", "ended by SIGKILL")
    assert refusal.expected.startswith("at most 256 MiB and ")
    assert "WEIR_COMPILE_MEMORY_MIB_MAX" in refusal.remedy
    assert quick_trials.compile_change(None, {}, TEXTS, {}).id == 1


@pytest.mark.slow
async def test_definitions_that_take_too_much_memory_are_refused_and_decisions_go_on(
    narrow_trials: ProcessTrials, tmp_path: pathlib.Path
) -> None:
    api = Api(tmp_path, narrow_trials.compile_change)
    answer = await api.client.put("/v1/features", content=dear(100)["features"])
    assert (answer.status_code, answer.json()["where"]) == (422, "release")
    assert "at most 5 MiB" in answer.json()["expected"]
    api.answer_all()
    event = {"id": 1, "at": 1_700_000_000_000, "customer": "c", "terminal": "t", "amount": 1}
    assert (await api.client.post("/v1/decisions", json=event)).json()["action"] == "approve"
    answer = await api.client.put("/v1/features", content=TEXTS["features"].replace("1h", "2h"))
    assert answer.status_code == 200, answer.text
    await api.close()


@pytest.mark.slow
def test_a_trial_costs_the_process_that_decides_next_to_none_of_the_cpu_that_it_would_cost_in_a_thread(trials: ProcessTrials) -> None:
    wait_until_ready(trials)

    def cpu_seconds_here(compile_one: CompileChange, start: int) -> float:
        texts = dear(start) | {"policy": "score: first_ready(nobody)\nbands: [{action: approve}]\n"}  # which is found out at the end
        began = time.process_time()
        with pytest.raises(Refusal, match="nobody"):
            compile_one(None, {}, texts, {})
        return time.process_time() - began

    assert cpu_seconds_here(trials.compile_change, 200) < cpu_seconds_here(compile_here, 300) / 10


@pytest.mark.slow
def test_the_kernel_ends_a_trial_that_does_not_measure_itself() -> None:
    child = os.fork()
    if not child:
        bound_cpu(0)
        while True:
            pass
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGXCPU
