"""The kind of job ``export`` writes what the running system keeps: training data, as ``weir export --served`` does, or alerts and cases."""

import contextlib
from typing import Literal

import msgspec

from foundation.refusal import Refusal
from pipeline.engine.moment import moment_ms
from pipeline.jobs.job_kind import PARQUET, JobContext, JobKind, JobResult

_TIME_MS_MAX = 1 << 53


class ExportParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Says what is exported: ``training`` (decisions with features, scores, labels), or all ``alerts``, ``cases``, ``verdicts``, ``holds``.

    Of decisions only those on events with times in [from, to) are; each is RFC 3339 or ms since the epoch, and null is no bound.
    `hidden` are inboxes whose cases the caller may not see; what a caller says there is not read.
    """

    from_: int | str | None = None
    to: int | str | None = None
    what: Literal["training", "alerts", "cases", "verdicts", "holds"] = "training"
    format: Literal["parquet", "json_lines"] = "parquet"
    hidden: tuple[str, ...] = ()


def check(given: ExportParameters) -> ExportParameters:
    """`given` with both times as ms since the epoch.

    Raises:
        Refusal: one of them is no time, or the end is not after the beginning.
    """
    from_ms, to_ms = time_ms_of(given.from_, "from"), time_ms_of(given.to, "to")
    if from_ms is not None and to_ms is not None and to_ms <= from_ms:
        raise Refusal("empty span of time", where="to", expected=f"a time after `from`, which is {from_ms} ms", got=f"{to_ms} ms")
    if given.what != "training" and (from_ms is not None or to_ms is not None):
        raise Refusal("span of time", where="from", expected=f"no span, since all {given.what} are exported", got=f"{given.from_}")
    return msgspec.structs.replace(given, from_=from_ms, to=to_ms)


def run(parameters: ExportParameters, context: JobContext) -> JobResult:
    """Writes the file; see `pipeline.training.training_file.export` for what memory and disk it takes."""
    if parameters.what != "training":
        return _kept(parameters, parameters.what, context)
    from pipeline.training.export_command import write_served

    from_ms, to_ms = time_ms_of(parameters.from_, "from"), time_ms_of(parameters.to, "to")
    file = _name(parameters)
    summary, remarks = write_served(context.settings, context.folder / file, from_ms, to_ms, context.progress)
    return JobResult({**msgspec.to_builtins(summary), "remarks": remarks}, file)


def _kept(parameters: ExportParameters, what: Literal["alerts", "cases", "verdicts", "holds"], context: JobContext) -> JobResult:
    from pipeline.jobs.kept_rows import write_kept
    from stores.relational.database import Database
    from stores.relational.place import place_of

    file = _name(parameters)
    with contextlib.closing(Database(place_of(context.settings), owner=False)) as database:
        rows = write_kept(database, what, parameters.hidden, context.folder / file, parameters.format, context.progress)
    return JobResult({"rows": rows}, file)


def _name(parameters: ExportParameters) -> str:
    """The name of the file, which says of what form it is."""
    return f"{parameters.what}.{'parquet' if parameters.format == 'parquet' else 'jsonl'}"


def time_ms_of(value: int | str | None, where: str) -> int | None:
    """Returns a time that is RFC 3339 or ms since the epoch as the latter; None where none is given.

    Raises:
        Refusal: this is no time, or one out of range; it is said to stand at `where`.
    """
    if value is None:
        return None
    at_ms = value if isinstance(value, int) else moment_ms(value, where)
    if not 0 <= at_ms < _TIME_MS_MAX:
        raise Refusal("time out of range", where=where, expected=f"0 to {_TIME_MS_MAX} ms since the epoch, exclusive", got=value)
    return at_ms


EXPORT = JobKind(
    name="export",
    path="exports",
    summary="Exports training data (features as served, scores, labels with their times), or all alerts, cases, verdicts or holds",
    roles="reader analyst author approver",
    parameters=ExportParameters,
    check=check,
    run=run,
    unit="records",
    media_type=PARQUET,
)
