"""A job as callers see it."""

import msgspec

from api.http.problem_types import JOB_FAILED
from api.jobs.job_shapes import Job, JobFile, JobProgress
from foundation.place import refusal_of
from pipeline.jobs.kinds import KINDS
from stores.jobs import StoredJob

JSON_LINES = "application/jsonl"


def shown(job: StoredJob, now_ms: int) -> Job:
    """`job` for its caller; one whose result is still there though its time has come is shown as expired."""
    request = job.request
    return Job(
        id=job.id,
        kind=request.kind,
        state="expired" if is_expired(job, now_ms) else job.state,
        parameters=msgspec.json.decode(request.parameters),
        by=request.by,
        asked_at_ms=request.at_ms,
        started_at_ms=job.started_at_ms,
        ended_at_ms=job.ended_at_ms,
        expires_at_ms=job.expires_at_ms,
        attempt=job.attempt,
        cancel_asked=job.is_cancel_asked,
        progress=JobProgress(job.progress.done, job.progress.total, job.progress.unit),
        result=None if job.result is None else msgspec.json.decode(job.result),
        file=_file(job),
        problem=None if job.problem is None else _problem(job.problem),
    )


def is_expired(job: StoredJob, now_ms: int) -> bool:
    """Whether the result of `job` is gone at `now_ms`."""
    return job.state == "expired" or (job.state == "done" and job.expires_at_ms is not None and job.expires_at_ms <= now_ms)


def media_type_of(job: StoredJob) -> str:
    """The media type of the file of `job`."""
    if job.file is not None and job.file.name.endswith(".jsonl"):
        return JSON_LINES
    kind = KINDS.get(job.request.kind)
    return (kind.media_type if kind else "") or "application/octet-stream"


def _file(job: StoredJob) -> JobFile | None:
    file = job.file
    return None if file is None else JobFile(file.name, file.size_bytes, file.sha256, media_type_of(job))


def _problem(fields: dict[str, str]) -> dict[str, object]:
    return {"type": JOB_FAILED.uri, "title": JOB_FAILED.title, "detail": str(refusal_of(fields)), **fields}
