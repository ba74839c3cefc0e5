"""The route that gives the result of a job: its file, whole or a part of it, or what it found as JSON."""

import asyncio
import base64
import os
import pathlib
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from starlette.types import Receive, Scope, Send

from api.auth.admission import send_while_admitted
from api.auth.request_context import caller_of
from api.http.byte_range import range_of
from api.http.etag import etag_matches, etag_of
from api.http.late_routes import late_routes
from api.http.problem import Answer, Problem, as_response
from api.http.problem_types import JOB_ENDED, JOB_UNFINISHED, RESULT_GONE
from api.http.route_docs import OBJECT, route_docs
from api.jobs.job_routes import LOOK_SECONDS, JobId, own_job
from api.jobs.shown_job import is_expired, media_type_of
from api.kafka.log import Clock
from pipeline.jobs.kinds import KINDS
from pipeline.jobs.result_folder import ResultFolder
from stores.jobs import UNFINISHED, Jobs, ResultFile, StoredJob

BYTES = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in {each.media_type for each in KINDS.values()} - {""}}
"""The contents of answers that are files, for the OpenAPI document."""
DOWNLOADS_MAX = 4
"""So many files are sent at a time by one process."""
CHUNK_BYTES = 131_072
PAUSE_SECONDS = 0.002
"""The pause after each chunk: a file is sent by the event loop of all decisions, and at most so fast that they do not feel it."""
SEND_SECONDS_MAX = 30.0
"""A caller that reads nothing for this time is disconnected."""


class Downloads:
    """Counts the files that are being sent."""

    def __init__(self) -> None:
        self._running = 0

    def begin(self) -> None:
        """Counts one more.

        Raises:
            Problem: 429, there are `DOWNLOADS_MAX` already.
        """
        if self._running >= DOWNLOADS_MAX:
            raise Problem(429, f"{DOWNLOADS_MAX} results are being sent, which is the most at a time", [(b"retry-after", b"10")])
        self._running += 1

    def end(self) -> None:
        """Counts one less."""
        self._running -= 1


class FileAnswer(Response):
    """Sends bytes of a file until they are sent, the caller has gone or reads nothing, or its token is no longer valid.

    Args:
        path: the file, which exists.
        file: what is known of it.
        wanted: the positions to send.
        downloads: counts this answer until it has ended.
        media_type: of the file.
    """

    def __init__(self, path: pathlib.Path, file: ResultFile, wanted: range, downloads: Downloads, media_type: str) -> None:
        is_part = len(wanted) < file.size_bytes
        headers = file_headers(file) | {"content-disposition": f'attachment; filename="{file.name}"', "content-length": str(len(wanted))}
        if is_part:
            headers["content-range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{file.size_bytes}"
        super().__init__(None, 206 if is_part else 200, headers, media_type)
        self._descriptor = os.open(path, os.O_RDONLY)
        self._wanted = wanted
        self._downloads = downloads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send_while_admitted(scope, receive, self._send(send))
        finally:
            self._downloads.end()
            os.close(self._descriptor)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        at, end = self._wanted.start, self._wanted.stop
        while at < end:
            chunk = await asyncio.to_thread(os.pread, self._descriptor, min(CHUNK_BYTES, end - at), at)
            if not chunk:
                return  # the file is shorter than it was: the connection ends before the length that was promised
            at += len(chunk)
            async with asyncio.timeout(SEND_SECONDS_MAX):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await asyncio.sleep(PAUSE_SECONDS)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def make_result_route(jobs: Jobs, results: ResultFolder, clock: Clock) -> APIRouter:
    """The route ``/jobs/{id}/result``."""
    routes = late_routes("jobs")
    downloads = Downloads()
    docs = route_docs(OBJECT | {"description": "what the job found, if it made no file"}, 404, 409, 410, 416)
    docs["responses"][200]["content"] |= BYTES
    docs["responses"][206] = {"description": "the bytes of `Range`", "content": BYTES}

    @routes.get("/jobs/{id}/result", summary="The file that a job made, or what it found", **docs)
    async def result(
        request: Request,
        id: JobId,
        range: Annotated[str | None, Header(description="the bytes that are wanted, such as bytes=1000-; one range at a time")] = None,
        if_range: Annotated[str | None, Header(description="the ETag of which the caller has a part; of another file all is sent")] = None,
    ) -> Response:
        """The headers ``ETag`` and ``Repr-Digest`` hold the SHA-256 of the whole file, also where only a part of it is sent."""
        job = await asyncio.to_thread(own_job, jobs, id, caller_of(request))
        require_result(job, int(clock() * 1_000))
        path = results.file_of(job)
        if job.file is None or path is None:
            return as_response(Answer(200, (job.result or "{}").encode()))
        is_same = if_range is None or etag_matches(if_range, job.file.sha256)
        wanted = range_of(range if is_same else None, job.file.size_bytes)
        if wanted is None:
            headers = [(b"content-range", f"bytes */{job.file.size_bytes}".encode())]
            raise Problem(416, f"the file has {job.file.size_bytes} bytes, and the range begins behind its end", headers)
        downloads.begin()
        try:
            return FileAnswer(path, job.file, wanted, downloads, media_type_of(job))
        except OSError as error:
            downloads.end()
            raise Problem(410, "the file of the job is gone", type=RESULT_GONE) from error

    return routes


def require_result(job: StoredJob, now_ms: int) -> None:
    """Checks that `job` has a result at `now_ms`.

    Raises:
        Problem: 409, it has none yet, or it ended without one; 410, its result has expired.
    """
    if job.state in UNFINISHED:
        headers = [(b"retry-after", str(LOOK_SECONDS).encode())]
        raise Problem(409, f"the job is {job.state}, and has no result yet", headers, type=JOB_UNFINISHED)
    if is_expired(job, now_ms):
        raise Problem(410, "the result of the job has expired and is removed", type=RESULT_GONE)
    if job.state != "done":
        raise Problem(409, f"the job is {job.state}, so it has no result", type=JOB_ENDED)


def file_headers(file: ResultFile) -> dict[str, str]:
    """The headers that say which file it is: its entity tag, and its digest by RFC 9530."""
    digest = base64.b64encode(bytes.fromhex(file.sha256)).decode()
    return {"etag": etag_of(file.sha256), "repr-digest": f"sha-256=:{digest}:", "accept-ranges": "bytes"}
