"""The kind of job ``backtest`` tries rules on the archive of the running system, as ``weir backtest`` does on files."""

from typing import Annotated

import msgspec

from foundation.refusal import Refusal
from pipeline.jobs.export_kind import time_ms_of
from pipeline.jobs.job_kind import JobContext, JobKind, JobResult

FILE = "backtest.json"
JSON = "application/json"
CANDIDATES_MAX = 100
_Ids = Annotated[tuple[str, ...], msgspec.Meta(max_length=CANDIDATES_MAX)]


class BacktestParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """What is tried, and on which events.

    Args:
        patterns: texts of rules by id; they are stored as versions, which put nothing in force, and then stand under `versions`.
        versions: hashes of stored texts by id.
        without: ids of rules that are paused for the trial.
        from_, to: events with times in [from, to) count, each RFC 3339 or ms since the epoch, and null for no bound. All archived events
            before `to` are replayed.
        value: the number of the event that is summed where decisions differ; null for the only decimal of the schema.
        release: beside the rules of which release; null for the one in force when the job begins.
    """

    patterns: dict[str, str] = {}
    versions: dict[str, str] = {}
    without: _Ids = ()
    from_: int | str | None = None
    to: int | str | None = None
    value: str | None = None
    release: Annotated[int, msgspec.Meta(ge=1)] | None = None


def check(given: BacktestParameters) -> BacktestParameters:
    """Returns `given` with both times as ms since the epoch.

    Raises:
        Refusal: nothing is to be tried, or too much, or one of the times is none.
    """
    tried = given.patterns.keys() | given.versions.keys()
    if not tried and not given.without:
        expected = "rules under patterns or versions, or ids under without"
        raise Refusal("no candidate", where="backtest", expected=expected, got="neither")
    if len(tried) > CANDIDATES_MAX:
        raise Refusal("too many rules", where="backtest", expected=f"at most {CANDIDATES_MAX} at once", got=len(tried))
    from_ms, to_ms = time_ms_of(given.from_, "from"), time_ms_of(given.to, "to")
    if from_ms is not None and to_ms is not None and to_ms <= from_ms:
        raise Refusal("empty span of time", where="to", expected=f"a time after `from`, which is {from_ms} ms", got=f"{to_ms} ms")
    return msgspec.structs.replace(given, from_=from_ms, to=to_ms)


def run(parameters: BacktestParameters, context: JobContext) -> JobResult:
    """Writes all figures into the file, and gives those in short that a promotion looks at."""
    from pipeline.backtest.archived_backtest import Asked, backtest_archive
    from pipeline.backtest.summary import summary_of

    from_ms, to_ms = time_ms_of(parameters.from_, "from"), time_ms_of(parameters.to, "to")
    asked = Asked(parameters.versions, parameters.without, from_ms, to_ms, parameters.value, parameters.release)
    figures = backtest_archive(context.settings, asked, context.folder, context.progress)
    (context.folder / FILE).write_bytes(msgspec.json.encode(figures))
    return JobResult(msgspec.to_builtins(summary_of(figures)), FILE)


BACKTEST = JobKind(
    name="backtest",
    path="patterns:backtest",
    summary="Tries rules on archived events beside the rules in force, and says what they would have changed",
    roles="author approver",
    parameters=BacktestParameters,
    check=check,
    run=run,
    unit="events",
    media_type=JSON,
)
