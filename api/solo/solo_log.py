"""The log to which the API writes in a solo system: its own engine takes the records, appends them and decides on the events."""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import islice

from api.kafka.log import KafkaHeaders, LogFullError, LogUnavailableError
from pipeline.control.kafka_access import short_topic
from pipeline.log.frame import Entry
from pipeline.solo.engine import Engine
from pipeline.solo.intake import Done, IntakeFullError

AT_ONCE_MAX = 5_000


class SoloLog:
    """A `Log` that hands records to an engine in the same process. Only the event loop may use it.

    Args:
        engine: takes the records.
        prefix: that of all topics' names.
    """

    def __init__(self, engine: Engine, prefix: str) -> None:
        self._engine = engine
        self._prefix = prefix

    def produce(self, topic: str, key: str, value: bytes, headers: KafkaHeaders = ()) -> None:
        """See `Log.produce`. A record that the disk refuses later is lost without an error, so the caller has to wait for a reply.

        Raises:
            LogFullError: as many records wait for the engine as may.
            LogUnavailableError: the engine has ended.
        """
        self._put([Entry(short_topic(topic, self._prefix), key.encode(), value, headers)], None)

    async def deliver(self, topic: str, key: str, value: bytes | None) -> None:
        """See `Log.deliver`."""
        await self._delivered([Entry(short_topic(topic, self._prefix), key.encode(), value)])

    async def deliver_all(self, topic: str, records: Iterable[tuple[str, bytes | None]]) -> int:
        """See `Log.deliver_all`. `AT_ONCE_MAX` of the records at a time are in the log together or not at all."""
        short, end = short_topic(topic, self._prefix), 0
        each = iter(records)
        while part := await asyncio.to_thread(lambda: [Entry(short, key.encode(), value) for key, value in islice(each, AT_ONCE_MAX)]):
            end = await self._delivered(part)
        return end

    async def takes_records(self, seconds: float) -> str:
        """Why the log takes no records now; '' when it does."""
        return self._engine.write_problem

    def close(self) -> None:
        """Does nothing: the engine is closed by whoever opened it."""

    async def _delivered(self, entries: Sequence[Entry]) -> int:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[int] = loop.create_future()

        def note(end: int, problem: str) -> None:
            loop.call_soon_threadsafe(_resolve, done, end, problem)

        self._put(entries, note)
        return await done

    def _put(self, entries: Sequence[Entry], done: Done | None) -> None:
        if self._engine.ended:
            raise LogUnavailableError(self._engine.problem)
        try:
            self._engine.put(entries, done)
        except IntakeFullError as error:
            raise LogFullError(str(error)) from error


def _resolve(done: "asyncio.Future[int]", end: int, problem: str) -> None:
    if done.done():
        return
    if problem:
        done.set_exception(LogUnavailableError(problem))
    else:
        done.set_result(end)
