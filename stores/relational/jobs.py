"""Jobs in the relational store."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    Row,
    Table,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    update,
)

from stores.jobs import (
    LAPSES_MAX,
    UNFINISHED,
    JobOutcome,
    JobProgress,
    JobRequest,
    QueueBounds,
    QueueFullError,
    ResultFile,
    State,
    StoredJob,
    worker_lost,
)
from stores.relational.database import Database, lock_out_writers
from stores.relational.tables import METADATA, TEXT

JOB = Table(
    "job",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("kind", TEXT, nullable=False),
    Column("parameters", TEXT, nullable=False),
    Column("asked_by", TEXT, nullable=False),
    Column("asked_at_ms", BigInteger, nullable=False),
    Column("caller_key", TEXT),
    Column("state", TEXT, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("lapses", Integer, nullable=False),
    Column("worker", TEXT, nullable=False),
    Column("lease_until_ms", BigInteger),
    Column("is_cancel_asked", Boolean, nullable=False),
    Column("progress_done", BigInteger, nullable=False),
    Column("progress_total", BigInteger, nullable=False),
    Column("progress_unit", TEXT, nullable=False),
    Column("started_at_ms", BigInteger),
    Column("ended_at_ms", BigInteger),
    Column("result", TEXT),
    Column("file_name", TEXT),
    Column("file_bytes", BigInteger),
    Column("file_sha256", TEXT),
    Column("problem", TEXT),
    Column("expires_at_ms", BigInteger),
    UniqueConstraint("asked_by", "caller_key"),
    Index("ix_job_state", "state", "id"),
    Index("ix_job_asked_by", "asked_by", "id"),
)
_UNFINISHED = JOB.c.state.in_(UNFINISHED)
_OF_SAME_CALLER = JOB.alias("of_same_caller")
_LAST_TURN = (
    select(func.coalesce(func.max(_OF_SAME_CALLER.c.started_at_ms), 0))
    .where(_OF_SAME_CALLER.c.asked_by == JOB.c.asked_by)
    .scalar_subquery()
    .correlate(JOB)
)
"""When the last job of a row's caller began, ms since the epoch; 0 if none did."""
_OVER: dict[str, Any] = {"lease_until_ms": None, "is_cancel_asked": False}
"""The columns of a job that no attempt holds."""


class RelationalJobs:
    """See `stores.jobs.Jobs`. What depends on other rows than the job's own is done by one writer at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, id: str, request: JobRequest, bounds: QueueBounds) -> StoredJob:
        job = StoredJob(id, request)
        with self._database.writing() as connection:
            lock_out_writers(connection, JOB)
            same_key = (JOB.c.asked_by == request.by) & (JOB.c.caller_key == request.key)
            if request.key is not None and (there := _one(connection, same_key)) is not None:
                return there
            _require_room(connection, request.by, bounds)
            connection.execute(insert(JOB).values(_row_of(job)))
        return job

    def get(self, id: str) -> StoredJob | None:
        with self._database.reading() as connection:
            return _one(connection, JOB.c.id == id)

    def page(self, by: str | None, states: Sequence[State], before: str | None, limit: int) -> list[StoredJob]:
        query = select(JOB)
        if by is not None:
            query = query.where(JOB.c.asked_by == by)
        if states:
            query = query.where(JOB.c.state.in_(states))
        if before is not None:
            query = query.where(JOB.c.id < before)
        with self._database.reading() as connection:
            return [_job(row) for row in connection.execute(query.order_by(JOB.c.id.desc()).limit(limit))]

    def cancel(self, id: str, at_ms: int, expires_at_ms: int) -> StoredJob | None:
        own = JOB.c.id == id
        ended = {"state": "cancelled", "ended_at_ms": at_ms, "expires_at_ms": expires_at_ms}
        with self._database.writing() as connection:
            connection.execute(update(JOB).where(own, JOB.c.state == "queued").values(ended))
            connection.execute(update(JOB).where(own, JOB.c.state == "running").values(is_cancel_asked=True))
            return _one(connection, own)

    def take(self, worker: str, kinds: Sequence[str], at_ms: int, lease_until_ms: int) -> StoredJob | None:
        queued = select(JOB).where(JOB.c.state == "queued", JOB.c.kind.in_(kinds)).limit(1)
        with self._database.reading() as connection:
            if connection.execute(queued).first() is None:
                return None
        with self._database.writing() as connection:
            row = connection.execute(queued.order_by(_LAST_TURN, JOB.c.id).with_for_update(of=JOB, skip_locked=True)).first()
            if row is None:
                return None
            started = {"started_at_ms": at_ms, "progress_done": 0, "progress_total": 0, "progress_unit": ""}
            taken = {"state": "running", "attempt": row.attempt + 1, "worker": worker, "lease_until_ms": lease_until_ms}
            connection.execute(update(JOB).where(JOB.c.id == row.id).values(started | taken))
            return _one(connection, JOB.c.id == row.id)

    def release_lapsed(self, at_ms: int, expires_at_ms: int) -> list[StoredJob]:
        lapsed = select(JOB).where(JOB.c.state == "running", JOB.c.lease_until_ms <= at_ms)
        with self._database.reading() as connection:
            if connection.execute(lapsed).first() is None:
                return []
        with self._database.writing() as connection:
            jobs = [_lapsed(_job(row), at_ms, expires_at_ms) for row in connection.execute(lapsed.with_for_update(skip_locked=True)).all()]
            for job in jobs:
                connection.execute(update(JOB).where(JOB.c.id == job.id).values(_row_of(job)))
        return jobs

    def report(self, id: str, attempt: int, progress: JobProgress, lease_until_ms: int) -> StoredJob | None:
        values = {"progress_done": progress.done, "progress_total": progress.total, "progress_unit": progress.unit}
        with self._database.writing() as connection:
            if not _changed(connection, id, attempt, values | {"lease_until_ms": lease_until_ms}):
                return None
            return _one(connection, JOB.c.id == id)

    def finish(self, id: str, attempt: int, outcome: JobOutcome, at_ms: int, expires_at_ms: int) -> bool:
        values = {"state": outcome.state, "result": outcome.result, "problem": _text_of(outcome.problem), "ended_at_ms": at_ms}
        with self._database.writing() as connection:
            return _changed(connection, id, attempt, values | _file_row(outcome.file) | _OVER | {"expires_at_ms": expires_at_ms})

    def put_back(self, id: str, attempt: int) -> bool:
        with self._database.writing() as connection:
            return _changed(connection, id, attempt, {"state": "queued"} | _OVER)

    def expire(self, at_ms: int, result_bytes_max: int) -> list[StoredJob]:
        with self._database.writing() as connection:
            done = [
                _job(row)
                for row in connection.execute(select(JOB).where(JOB.c.state == "done").order_by(JOB.c.id.desc()).with_for_update())
            ]
            expired = _expiring(done, at_ms, result_bytes_max)
            for job in expired:
                connection.execute(update(JOB).where(JOB.c.id == job.id).values(_row_of(job)))
        return expired

    def forget(self, before_ms: int, ended_max: int) -> int:
        ended = JOB.c.state.in_(("failed", "cancelled", "expired"))
        newest = select(JOB.c.id).where(ended).order_by(JOB.c.id.desc()).limit(ended_max)
        with self._database.writing() as connection:
            gone = delete(JOB).where(ended, (JOB.c.expires_at_ms < before_ms) | JOB.c.id.not_in(newest))
            return connection.execute(gone, execution_options={"preserve_rowcount": True}).rowcount


def _require_room(connection: Connection, by: str, bounds: QueueBounds) -> None:
    count = select(func.count()).where(_UNFINISHED)
    for of_caller, query, most in ((True, count.where(JOB.c.asked_by == by), bounds.of_caller), (False, count, bounds.of_all)):
        unfinished = int(connection.execute(query).scalar_one())
        if unfinished >= most:
            raise QueueFullError(of_caller, unfinished)


def _lapsed(job: StoredJob, at_ms: int, expires_at_ms: int) -> StoredJob:
    """`job` without the attempt whose lease has ended."""
    lapses = job.lapses + 1
    released = msgspec.structs.replace(job, lapses=lapses, lease_until_ms=None, is_cancel_asked=False)
    if not job.is_cancel_asked and lapses < LAPSES_MAX:
        return msgspec.structs.replace(released, state="queued")
    ended = msgspec.structs.replace(released, ended_at_ms=at_ms, expires_at_ms=expires_at_ms)
    if job.is_cancel_asked:
        return msgspec.structs.replace(ended, state="cancelled")
    return msgspec.structs.replace(ended, state="failed", problem=worker_lost(lapses))


def _expiring(done: Sequence[StoredJob], at_ms: int, result_bytes_max: int) -> list[StoredJob]:
    """Those of `done`, newest first, whose time has come, or whose file no longer fits `result_bytes_max` together with newer ones."""
    found, held_bytes = [], 0
    for job in done:
        file_bytes = job.file.size_bytes if job.file else 0
        if (job.expires_at_ms or 0) <= at_ms:
            found.append(msgspec.structs.replace(job, state="expired"))
        elif held_bytes + file_bytes > result_bytes_max:
            found.append(msgspec.structs.replace(job, state="expired", expires_at_ms=at_ms))
        else:
            held_bytes += file_bytes
    return found


def _changed(connection: Connection, id: str, attempt: int, values: dict[str, Any]) -> bool:
    """Changes the row of a running attempt; whether that attempt was still the newest one."""
    held = (JOB.c.id == id) & (JOB.c.state == "running") & (JOB.c.attempt == attempt)
    return connection.execute(update(JOB).where(held).values(values), execution_options={"preserve_rowcount": True}).rowcount == 1


def _one(connection: Connection, condition: ColumnElement[bool]) -> StoredJob | None:
    row = connection.execute(select(JOB).where(condition)).first()
    return _job(row) if row else None


def _text_of(problem: dict[str, str] | None) -> str | None:
    return None if problem is None else msgspec.json.encode(problem).decode()


def _file_row(file: ResultFile | None) -> dict[str, Any]:
    values = (None, None, None) if file is None else (file.name, file.size_bytes, file.sha256)
    return dict(zip(("file_name", "file_bytes", "file_sha256"), values, strict=True))


def _row_of(job: StoredJob) -> dict[str, Any]:
    request, progress = job.request, job.progress
    return {
        "id": job.id,
        "kind": request.kind,
        "parameters": request.parameters,
        "asked_by": request.by,
        "asked_at_ms": request.at_ms,
        "caller_key": request.key,
        "state": job.state,
        "attempt": job.attempt,
        "lapses": job.lapses,
        "worker": job.worker,
        "lease_until_ms": job.lease_until_ms,
        "is_cancel_asked": job.is_cancel_asked,
        "progress_done": progress.done,
        "progress_total": progress.total,
        "progress_unit": progress.unit,
        "started_at_ms": job.started_at_ms,
        "ended_at_ms": job.ended_at_ms,
        "result": job.result,
        **_file_row(job.file),
        "problem": _text_of(job.problem),
        "expires_at_ms": job.expires_at_ms,
    }


def _job(row: Row[Any]) -> StoredJob:
    return StoredJob(
        id=row.id,
        request=JobRequest(row.kind, row.parameters, row.asked_by, row.asked_at_ms, row.caller_key),
        state=row.state,
        attempt=row.attempt,
        lapses=row.lapses,
        worker=row.worker,
        lease_until_ms=row.lease_until_ms,
        is_cancel_asked=row.is_cancel_asked,
        progress=JobProgress(row.progress_done, row.progress_total, row.progress_unit),
        started_at_ms=row.started_at_ms,
        ended_at_ms=row.ended_at_ms,
        result=row.result,
        file=None if row.file_name is None else ResultFile(row.file_name, row.file_bytes, row.file_sha256),
        problem=None if row.problem is None else msgspec.json.decode(row.problem, type=dict[str, str]),
        expires_at_ms=row.expires_at_ms,
    )
