"""The kind of job ``train`` fits the boosted trees of the release in force to the archive of the running system."""

import time
from typing import Annotated

import msgspec

from pipeline.jobs.job_kind import JobContext, JobKind, JobResult
from stores.trained_models import REASON_CHARACTERS_MAX

FILE = "training.json"
JSON = "application/json"


class TrainParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """There is nothing to choose: all models of the kind `boosted` are trained, on all archived events.

    Args:
        reason: why, in words that are kept with what was trained.
    """

    reason: Annotated[str, msgspec.Meta(max_length=REASON_CHARACTERS_MAX)] = ""


def check(given: TrainParameters) -> TrainParameters:
    """Returns `given`."""
    return given


def run(parameters: TrainParameters, context: JobContext) -> JobResult:
    """Stores what was trained, which the learn job then publishes, and writes all figures into the file."""
    from pipeline.training.train_command import reports_of, train_archived

    trained = train_archived(context.settings, context.folder, int(time.time() * 1_000), context.progress, parameters.reason)
    (context.folder / FILE).write_bytes(reports_of(trained))
    return JobResult({"models": {each.model: each.report["quality"] for each in trained}}, FILE)


TRAIN = JobKind(
    name="train",
    path="models:train",
    summary="Fits boosted trees to the archived events and their labels, and puts them in force",
    roles="author approver",
    parameters=TrainParameters,
    check=check,
    run=run,
    unit="events",
    media_type=JSON,
)
