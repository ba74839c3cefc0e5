"""``python -m pipeline.jobs.job_child`` is the process that does one job, with the lowest priority and a bound on its memory."""

import hashlib
import importlib
import logging
import pathlib
import signal
import sys
import time
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.control.child_process import bound_memory, parent_of_this
from pipeline.control.job_program import write_log
from pipeline.jobs.job_kind import JobCancelledError, JobKind, JobResult
from pipeline.jobs.job_messages import Advanced, Finished, Message, Order, Refused, Stopped, decode_order, encode
from stores.jobs import ResultFile

log = logging.getLogger(__name__)

REPORT_SECONDS = 1.0
RESULT_BYTES_MAX = 65_536
"""The greatest size of what a job found, as JSON; more belongs into its file."""


class Context:
    """See `pipeline.jobs.job_kind.JobContext`."""

    def __init__(self, settings: Settings, folder: pathlib.Path, connection: Connection) -> None:
        self.settings = settings
        self.folder = folder
        self.is_cancelled = False
        self._connection = connection
        self._reported_at = -REPORT_SECONDS

    def progress(self, done: int, total: int) -> None:
        if self.is_cancelled:
            raise JobCancelledError
        now = time.monotonic()
        if now - self._reported_at >= REPORT_SECONDS:
            self._reported_at = now
            self._connection.send_bytes(encode(Advanced(int(done), int(total))))


def main() -> None:
    """Does one job. The arguments are the descriptor of the connection, the parent's process id and the bound on memory in MiB."""
    descriptor, parent, memory_mib = sys.argv[1:]
    connection = parent_of_this(descriptor, parent)
    write_log()
    order = decode_order(connection.recv_bytes())
    context = Context(order.settings, pathlib.Path(order.folder), connection)
    signal.signal(signal.SIGTERM, lambda *_: setattr(context, "is_cancelled", True))
    bound_memory(int(memory_mib))
    try:
        said = outcome_of(order, context)
    except MemoryError:
        said = Refused(too_much_memory(int(memory_mib), "more").fields())
    connection.send_bytes(encode(said))


def outcome_of(order: Order, context: Context) -> Message:
    """Does the job and gives how it ended.

    Raises:
        MemoryError: it needs more memory than it may have.
    """
    try:
        kind: JobKind = importlib.import_module(order.kinds).KINDS[order.kind]
        return _finished(kind.run(_parameters(kind, order.parameters), context), context.folder)
    except JobCancelledError:
        return Stopped()
    except Refusal as refusal:
        return Refused(refusal.fields())
    except MemoryError:
        raise
    except Exception:
        log.exception("a job of the kind %s raised an exception", order.kind)
        remedy = "the log of the worker has the exception; report it with the parameters of the job"
        return Refused(Refusal("job raised an exception", where="job", expected="a result", got="an exception", remedy=remedy).fields())


def _parameters(kind: JobKind, text: str) -> Any:
    try:
        return msgspec.json.decode(text, type=kind.parameters)
    except msgspec.ValidationError as error:  # the job was asked for by an older or newer program
        raise Refusal("parameters of another version", where="parameters", expected=kind.parameters.__name__, got=str(error)) from error


def _finished(result: JobResult, folder: pathlib.Path) -> Finished:
    found = msgspec.json.encode(result.found)
    if len(found) > RESULT_BYTES_MAX:
        raise ValueError(f"the result has {len(found)} bytes, and at most {RESULT_BYTES_MAX} are allowed")
    return Finished(found.decode(), described(folder / result.file) if result.file else None)


def described(path: pathlib.Path) -> ResultFile:
    """Name, size and SHA-256 of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ResultFile(path.name, path.stat().st_size, digest)


def too_much_memory(memory_mib: int, got: str) -> Refusal:
    """The refusal of a job that needs more than `memory_mib`."""
    expected, remedy = f"at most {memory_mib} MiB", "ask for less at once, or raise WEIR_JOB_MEMORY_MIB_MAX"
    return Refusal("job needs too much memory", where="job", expected=expected, got=got, remedy=remedy)


if __name__ == "__main__":
    main()
