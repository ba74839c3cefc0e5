"""The kind of job ``redrive`` sends dead letters or late events in again, or only says which would be accepted now."""

from typing import Annotated, Literal

import msgspec

from pipeline.jobs.job_kind import JobContext, JobKind, JobResult

REASONS_MAX = 100
"""A result names so many reasons, those of most records; the others are counted together."""
OTHER = "other reasons"


class RedriveParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Says which records are sent again.

    Args:
        topic: ``dead-letters`` are refused records, ``late`` are events that came too late.
        reason: text that a record's reason has to contain; empty for any except those that only ids and corrections have.
        dry_run: whether records are counted alone, and none is sent.
    """

    topic: Literal["dead-letters", "late"] = "dead-letters"
    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""
    dry_run: bool = False


def check(given: RedriveParameters) -> RedriveParameters:
    """Returns `given`: whatever is of its shape can be asked for."""
    return given


def run(parameters: RedriveParameters, context: JobContext) -> JobResult:
    """Reads the topic once. A job that is run again sends records twice, which are duplicates then."""
    from pipeline.replay.redrive import redrive

    found = redrive(context.settings, parameters.topic, parameters.reason, parameters.dry_run, context.progress)
    return JobResult({"sent": _bounded(found.taken), "left": _bounded(found.left)})


def _bounded(counts: dict[str, int]) -> dict[str, int]:
    ordered = sorted(counts.items(), key=lambda each: -each[1])
    others = sum(count for _, count in ordered[REASONS_MAX:])
    return dict(ordered[:REASONS_MAX]) | ({OTHER: others} if others else {})


REDRIVE = JobKind(
    name="redrive",
    path="redrives",
    summary="Sends dead letters or late events in again that the definitions in force accept now",
    roles="approver",
    parameters=RedriveParameters,
    check=check,
    run=run,
    unit="records",
)
