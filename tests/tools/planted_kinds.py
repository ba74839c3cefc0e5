"""Kinds of jobs that do what a test needs, in place of those of the program. For tests only."""

import os
import pathlib
import signal
import time

import msgspec

from foundation.refusal import Refusal
from pipeline.jobs.job_kind import AWAITED, JobContext, JobKind, JobResult

FILE = "numbers.txt"


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a planted job does: `steps` steps of `step_ms` each; `sign` is a file that it appends a line to when it begins."""

    steps: int = 3
    step_ms: int = 1
    sign: str = ""


def count(given: Given, context: JobContext) -> JobResult:
    """Counts, and writes the numbers into its file."""
    _begin(given)
    with (context.folder / FILE).open("w") as file:
        for number in range(given.steps):
            context.progress(number, given.steps)
            file.write(f"{number}\n")
            time.sleep(given.step_ms / 1_000)
    return JobResult({"counted": given.steps, "niceness": os.nice(0)}, FILE)


def think(given: Given, context: JobContext) -> JobResult:
    """Neither reports nor stops when it is asked to."""
    _begin(given)
    (context.folder / FILE).write_text("half")
    time.sleep(given.steps * given.step_ms / 1_000)
    return JobResult({})


def refuse(given: Given, context: JobContext) -> JobResult:
    raise Refusal("no answer", where="somewhere", expected="one", got="none", remedy="start it")


def fail(given: Given, context: JobContext) -> JobResult:
    raise ValueError("a secret of the program")


def eat(given: Given, context: JobContext) -> JobResult:
    """Takes more memory than it may."""
    return JobResult({"length": len(bytearray(1 << 34))})


def die(given: Given, context: JobContext) -> JobResult:
    _begin(given)
    os.kill(os.getpid(), signal.SIGKILL)
    return JobResult({})


def fill(given: Given, context: JobContext) -> JobResult:
    """Writes until it is stopped."""
    with (context.folder / FILE).open("wb") as file:
        for _ in range(2_000):
            file.write(bytes(1 << 20))
            file.flush()
            context.progress(0, 0)
            time.sleep(0.01)
    return JobResult({}, FILE)


def boast(given: Given, context: JobContext) -> JobResult:
    """Finds more than a result may hold."""
    return JobResult({"found": "x" * 100_000})


def _begin(given: Given) -> None:
    if given.sign:
        with pathlib.Path(given.sign).open("a") as sign:
            sign.write(f"{os.getpid()}\n")


KINDS = {
    run.__name__: JobKind(
        run.__name__, f"{run.__name__}s", "Does what a test needs", "analyst", Given, lambda given: given, run, "numbers", "text/plain"
    )
    for run in (count, think, refuse, fail, eat, die, fill, boast)
}
KINDS["hurry"] = msgspec.structs.replace(KINDS["count"], name="hurry", niceness=AWAITED)
