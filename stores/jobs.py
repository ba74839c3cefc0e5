"""Defines how jobs are stored: long work that a caller asked for, and that a worker does when it has time.

A job is ``queued`` until a worker takes it, ``running`` while its worker reports, and then ``done``, ``failed`` or ``cancelled``. A job
that is done becomes ``expired`` when its result is removed.

Each time that a job is taken is an attempt with a number of its own. A worker holds an attempt by a lease, which each report renews. When
the lease has ended, the job is queued again, or has failed if that happened `LAPSES_MAX` times; and whatever the worker of an attempt that
is over still says changes nothing. So no job is run by two workers, as long as their clocks differ by less than the lease.
"""

import secrets
from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

State = Literal["queued", "running", "done", "failed", "cancelled", "expired"]
STATES: tuple[State, ...] = ("queued", "running", "done", "failed", "cancelled", "expired")
UNFINISHED: tuple[State, ...] = ("queued", "running")
LAPSES_MAX = 3
"""A job whose worker ended without a word for this many times has failed, because it may be the job that ends its worker."""


class JobProgress(msgspec.Struct, frozen=True):
    """Says how much of a job is done: `done` of `total`, both in `unit`, such as records. A `total` of 0 means that it is not known."""

    done: int = 0
    total: int = 0
    unit: str = ""


class ResultFile(msgspec.Struct, frozen=True):
    """Describes the file that a job made: its name in the folder of the attempt, its size, and its SHA-256 in hexadecimal."""

    name: str
    size_bytes: int
    sha256: str


class JobRequest(msgspec.Struct, frozen=True):
    """Holds what a caller asks for.

    Args:
        kind: the kind of job, such as ``export``.
        parameters: its parameters, as JSON.
        by: the caller's name.
        at_ms: when it was asked, ms since the epoch.
        key: a key that the caller has chosen, under which a repeated request gives the same job; None for none.
    """

    kind: str
    parameters: str
    by: str
    at_ms: int
    key: str | None = None


class StoredJob(msgspec.Struct, frozen=True):
    """Holds a job. Times are ms since the epoch.

    Args:
        id: see `new_job_id`.
        request: what was asked for.
        state: one of `STATES`.
        attempt: the number of times that a worker took it.
        lapses: the number of attempts whose lease ended.
        worker: the name of the worker that took it last; empty before.
        lease_until_ms: when the lease of a running attempt ends (exclusive); None unless it runs.
        is_cancel_asked: whether somebody wants a running job to stop.
        progress: how far its newest attempt is.
        started_at_ms, ended_at_ms: when the newest attempt began, and when the job ended; None before.
        result: what the job found, as JSON, in the state ``done`` or ``expired``; None otherwise.
        file: the file that it made; None if it made none.
        problem: why it failed, as the fields of a refusal; None if it did not fail.
        expires_at_ms: since when its result is gone (inclusive); None before its end.
    """

    id: str
    request: JobRequest
    state: State = "queued"
    attempt: int = 0
    lapses: int = 0
    worker: str = ""
    lease_until_ms: int | None = None
    is_cancel_asked: bool = False
    progress: JobProgress = JobProgress()
    started_at_ms: int | None = None
    ended_at_ms: int | None = None
    result: str | None = None
    file: ResultFile | None = None
    problem: dict[str, str] | None = None
    expires_at_ms: int | None = None


class JobOutcome(msgspec.Struct, frozen=True):
    """Says how an attempt ended. The fields are those of `StoredJob`."""

    state: Literal["done", "failed", "cancelled"]
    result: str | None = None
    file: ResultFile | None = None
    problem: dict[str, str] | None = None


class QueueBounds(msgspec.Struct, frozen=True):
    """Says how many jobs may be queued or running: `of_caller` for one caller, and `of_all` together."""

    of_caller: int
    of_all: int


class QueueFullError(Exception):
    """As many jobs are queued or running as may be; `of_caller` says whether all of them are the caller's own."""

    def __init__(self, of_caller: bool, unfinished: int) -> None:
        super().__init__(f"{unfinished} jobs{' of this caller' if of_caller else ''} are queued or running already")
        self.of_caller = of_caller
        self.unfinished = unfinished


class Jobs(Protocol):
    """Stores jobs. Any number of processes read and write, and each call is one transaction. Safe for threads.

    Raises:
        StoreUnavailableError: any call; the store does not answer, and the call may have taken effect all the same.
    """

    def add(self, id: str, request: JobRequest, bounds: QueueBounds) -> StoredJob:
        """Queues a job and returns it; if the caller has a job under the same key already, returns that one, whatever it was asked for.

        Raises:
            QueueFullError: as many jobs are unfinished as `bounds` allow.
        """

    def get(self, id: str) -> StoredJob | None:
        """Returns the job; None if there is none, or none any more."""

    def page(self, by: str | None, states: Sequence[State], before: str | None, limit: int) -> list[StoredJob]:
        """Returns the newest `limit` jobs of the caller `by`, or of all callers for None, newest first.

        Args:
            states: only jobs in one of these states; empty for all.
            before: only jobs older than the one with this id.
        """

    def cancel(self, id: str, at_ms: int, expires_at_ms: int) -> StoredJob | None:
        """Ends a queued job, asks the worker of a running one to stop, and leaves any other as it is. Returns it as it is now."""

    def take(self, worker: str, kinds: Sequence[str], at_ms: int, lease_until_ms: int) -> StoredJob | None:
        """Starts an attempt of a queued job of one of `kinds`, and returns it; None if there is none, which costs one query.

        Callers have their turn one after the other: it is the oldest job of the caller whose last job began longest ago.
        """

    def release_lapsed(self, at_ms: int, expires_at_ms: int) -> list[StoredJob]:
        """Ends the attempts whose lease has ended: each job is queued again, cancelled if that was asked, or failed after `LAPSES_MAX`.

        Returns these jobs as they are now. It costs one query when there are none.
        """

    def report(self, id: str, attempt: int, progress: JobProgress, lease_until_ms: int) -> StoredJob | None:
        """Stores the progress of a running attempt and renews its lease; None if the attempt is over, and its worker has to stop."""

    def finish(self, id: str, attempt: int, outcome: JobOutcome, at_ms: int, expires_at_ms: int) -> bool:
        """Ends a running attempt and the job with it; returns False and changes nothing if the attempt is over already."""

    def put_back(self, id: str, attempt: int) -> bool:
        """Queues the job of a running attempt again, because its worker ends; returns False and changes nothing as `finish` does."""

    def expire(self, at_ms: int, result_bytes_max: int) -> list[StoredJob]:
        """Makes jobs ``expired`` that are done and whose time has come, and the oldest ones until the files of all others fit the bound.

        Returns the jobs that expired.
        """

    def forget(self, before_ms: int, ended_max: int) -> int:
        """Removes ended jobs whose results were gone before `before_ms` (exclusive), and all but the newest `ended_max` ended ones.

        Returns how many it removed. A job in the state ``done`` is never removed: it expires first.
        """


def new_job_id(at_ms: int) -> str:
    """Makes an id that nobody can guess, and that is greater than the ids of the milliseconds before: 32 hexadecimal digits."""
    return f"{at_ms:012x}{secrets.token_hex(10)}"


def worker_lost(attempts: int) -> dict[str, str]:
    """Makes the problem of a job whose worker ended again and again."""
    return {
        "what": "the worker ended",
        "where": "job",
        "expected": "a worker that reports until the job has ended",
        "got": f"{attempts} workers that ended, or stood still, while they ran it",
        "remedy": "look into the worker's log; if the machine has too little memory, ask for less at once",
    }
