"""An exception costs only the record that raises it: the records are run again in halves, and the one that raises is set aside."""

import logging
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from foundation.refusal import Refusal

log = logging.getLogger(__name__)

Record = TypeVar("Record")
Result = TypeVar("Result")

RAISED = "raised"
"""The text of a refusal of a record at which the program raised an exception that nobody foresaw."""


FAULT_MET = "this event met a fault of the system; it is kept as a dead letter"
"""The text for the caller who sent such an event: the exception itself is only for those who operate the system."""


class NoRecordsFaultError(Exception):
    """Something broke that no record caused, such as Flink's state. It is never blamed on a record, and is raised to the caller."""


NOBODYS_FAULT = (MemoryError, NoRecordsFaultError)
"""Exceptions that are raised to the caller, because the same records may pass another time."""


def one_by_one(
    records: Sequence[Record],
    run: Callable[[Sequence[Record]], Result],
    undo: Callable[[], None],
    refuse: Callable[[Record, Exception], Result],
) -> list[Result]:
    """Returns what `run` gives for `records`, in order and in as many parts as it takes, and what `refuse` gives for those that raise.

    The cost is one call of `run` while nothing raises, and twice the logarithm of their number for each record that does.

    Args:
        records: at least one.
        run: takes any part of them; what it gives for two parts one after the other has to mean the same as for both together.
        undo: takes back what `run` changed before it raised.
        refuse: sets aside a record that raises alone.

    Raises:
        MemoryError, NoRecordsFaultError: from `run`; `undo` was not called.
    """
    try:
        return [run(records)]
    except NOBODYS_FAULT:
        raise
    except Exception as error:
        undo()
        if len(records) == 1:
            return [refuse(records[0], error)]
    middle = len(records) // 2
    return [*one_by_one(records[:middle], run, undo, refuse), *one_by_one(records[middle:], run, undo, refuse)]


class Aside:
    """Counts and logs records that cannot be processed, each with its place; they stay in their topic.

    Args:
        what: what messages call the records.
    """

    def __init__(self, what: str) -> None:
        self.count = 0
        self._what = what

    def put(self, place: str, offset: int, error: Exception) -> None:
        """Sets the record at `offset` of `place`, which is ``topic/partition``, aside."""
        self.count += 1
        log.error("offset %d of %s is set aside, for it is no %s that can be processed: %s", offset, place, self._what, last_line(error))

    def each(self, records: Iterable[tuple[str, int, Record]], use: Callable[[Record], Result]) -> Iterator[Result]:
        """Returns what `use` gives for each record of (place, offset, record); a record at which it raises is set aside.

        Args:
            use: a function that changes nothing before it raises.

        Raises:
            MemoryError, NoRecordsFaultError: from `use`.
        """
        for place, offset, record in records:
            try:
                result = use(record)
            except NOBODYS_FAULT:
                raise
            except Exception as error:
                self.put(place, offset, error)
            else:
                yield result


def last_line(error: Exception) -> str:
    """Returns the last line of an exception's traceback, cut to 400 characters."""
    return traceback.format_exception_only(error)[-1].strip()[:400]


def fault_of(error: Exception, where: str) -> Refusal:
    """Returns the refusal of a record at which `where` raised `error`, with the last line of the traceback and the line of code."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno})" if frames else ""
    return Refusal(
        RAISED,
        where=where,
        expected="a record that is processed without an exception",
        got=f"{last_line(error)}{place}",
        remedy="report the fault with this record; `weir redrive dead-letters` sends it again once the fault is mended",
    )
