"""Defines a kind of job: what may be asked for, by whom, and the function that does it."""

import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import msgspec

from foundation.settings import Settings

PARQUET = "application/vnd.apache.parquet"
GIVES_WAY, AWAITED = 19, 10
"""The greatest niceness, and that of the side jobs. On a busy machine the former gets a seventh of what the latter gets."""


class JobCancelledError(Exception):
    """The job was asked to stop. A function that does a job lets this pass."""


class JobContext(Protocol):
    """What a function that does a job knows of its surroundings, and how it reports.

    Attributes:
        settings: the settings of the system.
        folder: an empty folder of the job's own, in which it makes its result. What else it leaves there is removed later.
    """

    @property
    def settings(self) -> Settings: ...

    @property
    def folder(self) -> pathlib.Path: ...

    def progress(self, done: int, total: int) -> None:
        """Reports how much is done, in the unit of the kind; it may be called as often as one likes.

        Raises:
            JobCancelledError: the job was asked to stop; a job that does not stop within a second of that is killed.
        """


class JobResult(NamedTuple):
    """What a job found: a small object for JSON, and the name of the file that it made in its folder; empty for none."""

    found: dict[str, Any]
    file: str = ""


class JobKind(msgspec.Struct, frozen=True):
    """One kind of job.

    Args:
        name: its name, which is stored with each job and never changes.
        path: the route that starts it is ``POST /v1/<path>``.
        summary: what it does, in a few words.
        roles: the roles that may start it, with spaces between them; admins always may.
        parameters: the shape of its parameters, which is also that of the route's body. Each has a default, or no job can be asked for
            without it.
        check: checks parameters at the door and gives them as they are stored; it raises a `Refusal`.
        run: does the job in a process of its own with the parameters that `check` gave. A `Refusal` or `MemoryError` from it becomes the
            problem of the job; any other exception is a fault and goes to the log. It imports what it needs inside, so that the worker at
            rest and the API stay small. A job may be run again from its beginning, whenever its process is killed.
        unit: what its progress counts, such as records.
        media_type: of its file; empty if it never makes one.
        niceness: of its process: `GIVES_WAY` for what may last, `AWAITED` for what somebody waits for at a page.
    """

    name: str
    path: str
    summary: str
    roles: str
    parameters: type[msgspec.Struct]
    check: Callable[[Any], Any]
    run: Callable[[Any, JobContext], JobResult]
    unit: str
    media_type: str = ""
    niceness: int = GIVES_WAY
