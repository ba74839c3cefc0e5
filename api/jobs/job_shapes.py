"""The shapes of answers about jobs."""

import msgspec


class JobProgress(msgspec.Struct):
    """How much of a job is done: `done` of `total`, in `unit`; a `total` of 0 means that it is not known yet."""

    done: int
    total: int
    unit: str


class JobFile(msgspec.Struct):
    """The file that a job made; ``GET /v1/jobs/{id}/result`` gives its bytes. `sha256` is in hexadecimal."""

    name: str
    size_bytes: int
    sha256: str
    media_type: str


class Job(msgspec.Struct):
    """A job: long work that a caller asked for. Times are ms since the epoch.

    Its `state` is queued, running, done, failed, cancelled or expired. `attempt` counts how often it was begun. `result` is what it found
    and `file` what it made; both are null before its end. `problem` says why it failed, as a problem by RFC 9457. Its result is gone from
    `expires_at_ms` on.
    """

    id: str
    kind: str
    state: str
    parameters: dict[str, object]
    by: str
    asked_at_ms: int
    started_at_ms: int | None
    ended_at_ms: int | None
    expires_at_ms: int | None
    attempt: int
    cancel_asked: bool
    progress: JobProgress
    result: dict[str, object] | None
    file: JobFile | None
    problem: dict[str, object] | None


class JobPage(msgspec.Struct):
    """Jobs, the newest first; `next` is the cursor of the page after them, null at the end."""

    jobs: list[Job]
    next: str | None
