"""Routes that ask for jobs, list them, show them and cancel them. The route that gives a result has a file of its own."""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Path, Query, Request, Response

from api.auth.permissions import ADMIN, Caller
from api.auth.request_context import caller_of, note_subject
from api.http.choices import chosen
from api.http.json_body import read_json
from api.http.late_routes import late_routes
from api.http.problem import Answer, Problem, as_response, json_answer
from api.http.problem_types import JOB_ENDED, KEY_REUSED, TOO_MANY_JOBS
from api.http.route_docs import route_docs
from api.http.tagged_answer import tagged
from api.jobs.job_shapes import Job, JobPage
from api.jobs.shown_job import is_expired, shown
from api.kafka.log import Clock
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.jobs.job_kind import JobKind
from pipeline.jobs.kinds import KINDS
from stores.decisions import bad_cursor
from stores.jobs import STATES, UNFINISHED, JobRequest, Jobs, QueueBounds, QueueFullError, StoredJob, new_job_id

PAGE_MAX = 200
LOOK_SECONDS = 2
"""How long a caller is asked to wait before it looks at an unfinished job again."""
FULL_SECONDS = 30
"""How long a caller is asked to wait when the queue is full."""
DAY_MS = 86_400_000
_KEY = re.compile(r"[!-~]{1,255}", re.ASCII)
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)

JobId = Annotated[str, Path(max_length=200, description="the id of a job, as the answer that began it says")]
IdempotencyKey = Annotated[
    str | None,
    Header(description="1 to 255 visible ASCII characters of the caller's choice; a repeated request with the same key gives the same job"),
]


Door = Callable[[Any, Caller], Awaitable[Any]]
"""Looks at parameters of a kind of job beside its own check, with what only this process knows, and gives them as they are stored."""


def make_job_routes(jobs: Jobs, settings: Settings, clock: Clock, doors: Mapping[str, Door]) -> APIRouter:
    """The routes below ``/jobs``, and one for each kind of job that begins it; `doors` are those of kinds that have one, by their names."""
    routes = late_routes("jobs")
    for kind in KINDS.values():
        _add_start(routes, kind, doors.get(kind.name, _open), jobs, QueueBounds(settings.jobs_of_caller_max, settings.jobs_max), clock)
    _add_reading(routes, jobs, clock)
    _add_cancelling(routes, jobs, settings.job_results_kept_days, clock)
    return routes


def _add_reading(routes: APIRouter, jobs: Jobs, clock: Clock) -> None:
    @routes.get("/jobs", summary="The caller's own jobs, newest first", **route_docs(JobPage))
    def listed(
        request: Request,
        state: Annotated[list[str] | None, Query(description="one of these states: " + ", ".join(STATES))] = None,
        all: Annotated[bool, Query(description="those of all callers; only an admin may ask for them")] = False,
        cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    ) -> Response:
        """A page ends with `next`, the cursor of the page behind it, which is null on the last one."""
        caller = caller_of(request)
        if all and not caller.mask & ADMIN:
            raise Problem(403, f"{caller.name} is no admin, and only an admin may see the jobs of others")
        if cursor is not None and not _ID.fullmatch(cursor):
            raise bad_cursor(cursor, "cursor")
        found = jobs.page(None if all else caller.name, chosen(state, STATES, "state"), cursor, limit)
        now_ms = int(clock() * 1_000)
        following = found[-1].id if len(found) == limit else None
        return as_response(json_answer(200, JobPage([shown(job, now_ms) for job in found], following)))

    @routes.get("/jobs/{id}", summary="A job: its state, progress, result or problem", **route_docs(Job, 304, 404))
    def show(
        request: Request, id: JobId, if_none_match: Annotated[str | None, Header(description="ETags that the caller has")] = None
    ) -> Response:
        """While the job is unfinished, the header ``Retry-After`` says when to look again. A job of another caller is a 404."""
        job = shown(own_job(jobs, id, caller_of(request)), int(clock() * 1_000))
        return as_response(_job_answer(200, job, if_none_match))


def _add_cancelling(routes: APIRouter, jobs: Jobs, kept_days: int, clock: Clock) -> None:
    @routes.post("/jobs/{id}:cancel", summary="Cancels a job", **route_docs(Job, 404, 409))
    def cancel(request: Request, id: JobId) -> Response:
        """A queued job is cancelled at once, and a running one within some seconds; a job that has ended already is a 409."""
        note_subject(request, f"job {id[:32]}")
        own_job(jobs, id, caller_of(request))
        now_ms = int(clock() * 1_000)
        job = jobs.cancel(id, now_ms, now_ms + kept_days * DAY_MS)
        if job is None:
            raise no_job(id)
        note_subject(request, f"job {id}: {job.request.kind} of {job.request.by}")
        if job.state not in (*UNFINISHED, "cancelled"):
            state = "expired" if is_expired(job, now_ms) else job.state
            raise Problem(409, f"the job is {state}, so there is nothing to cancel", type=JOB_ENDED)
        return as_response(_job_answer(200, shown(job, now_ms)))


def own_job(jobs: Jobs, id: str, caller: Caller) -> StoredJob:
    """The job `id`, which is the caller's own, or any for an admin.

    Raises:
        Problem: 404, there is no such job, or it is another caller's.
    """
    job = jobs.get(id) if _ID.fullmatch(id) else None
    if job is None or (job.request.by != caller.name and not caller.mask & ADMIN):
        raise no_job(id)
    return job


def no_job(id: str) -> Problem:
    """The answer 404."""
    return Problem(404, f"{id[:80]} is no job of yours, or it ended so long ago that it is forgotten")


async def _open(parameters: Any, caller: Caller) -> Any:
    return parameters


def _add_start(routes: APIRouter, kind: JobKind, door: Door, jobs: Jobs, bounds: QueueBounds, clock: Clock) -> None:
    docs = route_docs(Job, status=202, body=kind.parameters, optional=True)

    @routes.post(f"/{kind.path}", name=f"start_{kind.name}", summary=f"{kind.summary}; as a job", **docs)
    async def start(request: Request, idempotency_key: IdempotencyKey = None) -> Response:
        """The answer comes at once; ``Location`` is the address of the job. A body that is left out is an object without members."""
        given = read_json(await request.body() or b"{}", kind.parameters, kind.name, "an object with its parameters")
        parameters = await door(kind.check(given), caller_of(request))
        text = msgspec.json.encode(parameters).decode()
        now_ms = int(clock() * 1_000)
        asked = JobRequest(kind.name, text, caller_of(request).name, now_ms, _key(idempotency_key))
        job = await asyncio.to_thread(_added, jobs, asked, bounds)
        note_subject(request, f"job {job.id}: {kind.name}")
        answer = _job_answer(202, shown(job, now_ms))
        return as_response(Answer(202, answer.body, headers=[*answer.headers, (b"location", f"/v1/jobs/{job.id}".encode())]))


def _added(jobs: Jobs, asked: JobRequest, bounds: QueueBounds) -> StoredJob:
    try:
        job = jobs.add(new_job_id(asked.at_ms), asked, bounds)
    except QueueFullError as full:
        whose = "of yours" if full.of_caller else "of all callers"
        text = f"{full.unfinished} jobs {whose} are queued or running, which is the most that may be; wait for one, or cancel one"
        raise Problem(429, text, [(b"retry-after", str(FULL_SECONDS).encode())], type=TOO_MANY_JOBS) from full
    there = job.request
    if (there.kind, there.parameters) != (asked.kind, asked.parameters):
        text = f"the key of this request is that of job {job.id}, which was asked for with other parameters; choose a new key"
        raise Problem(422, text, type=KEY_REUSED)
    return job


def _key(given: str | None) -> str | None:
    if given is not None and not _KEY.fullmatch(given):
        raise Refusal("bad key", where="idempotency-key", expected="1 to 255 visible ASCII characters without spaces", got=given)
    return given


def _job_answer(status: int, job: Job, if_none_match: str | None = None) -> Answer:
    answer = json_answer(status, job)
    look_again = [(b"retry-after", str(LOOK_SECONDS).encode())] if job.state in UNFINISHED else []
    return tagged(answer, hashlib.sha256(answer.body).hexdigest()[:32], if_none_match, look_again)
