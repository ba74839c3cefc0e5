"""What carries events from the API to their decisions and back: a broker with Flink, or the engine of a solo system in this process.

A process of the API appends events and awaits their decisions through a `Runtime`. All topics, such as those of decisions, dead letters,
releases and models, are read from a position and appended to through the clients of `pipeline.control.topic_clients`, by the API as by
every side job and command. Nothing else knows which runtime it is.
"""

import asyncio
import os
import signal
import time
from typing import Protocol

import httpx

from api.kafka.following import Following
from api.kafka.log import Clock, KafkaLog, Log
from api.solo.score_job import problem_of_score_job
from api.solo.solo_log import SoloLog
from api.solo.solo_replies import Answer, SoloReplies
from foundation.settings import Settings
from pipeline.control.kafka_access import connection_of
from pipeline.flink.flink_rest import rest_of
from pipeline.solo.engine import Engine


class CheckedLog(Log, Protocol):
    """A log that can be asked whether it takes records, and has to be closed."""

    async def takes_records(self, seconds: float) -> str:
        """'' when the log takes records, found out within `seconds`; otherwise why not."""
        ...

    def close(self) -> None:
        """Closes the connections."""
        ...


class Replies(Protocol):
    """Gives the replies for this process. Call `assign`, then `start`, and `close` in any case."""

    def assign(self, from_end: bool) -> object:
        """Sets where reading begins. Blocks."""
        ...

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Gives replies in `loop` from now on."""
        ...

    def close(self) -> None:
        """Gives no more replies."""
        ...


class Runtime(Protocol):
    """How a process of the API appends events and awaits their decisions.

    An event with the header `REPLY_HEADER` on `quick_log` gets one reply, with the key that the header names: its decision, or why there
    is none.

    Attributes:
        log: its records are safe when their delivery is acknowledged.
        quick_log: its events are followed by a reply.
        replies: the replies to these events.
    """

    log: CheckedLog
    quick_log: CheckedLog
    replies: Replies

    def start(self) -> None:
        """Starts what runs in this process; raises nothing that a broker's absence causes."""
        ...

    async def check(self, client: httpx.AsyncClient) -> str:
        """'' while the part that decides does; a text that begins with ``state`` when it certainly does not; else why that is not known.

        Args:
            client: for what has to be asked over HTTP.
        """
        ...

    def close(self) -> None:
        """Ends everything."""
        ...


class KafkaRuntime:
    """A broker; Flink decides elsewhere.

    Args:
        settings: name the broker.
        answer: is called in the event loop with replies.
    """

    def __init__(self, settings: Settings, answer: Answer) -> None:
        broker = connection_of(settings)
        self.log: CheckedLog = KafkaLog(broker, acks="all")
        # A reply tells the caller that its event arrived, and a fallback that it perhaps did not. So the acknowledgement of the
        # partition's leader is enough here, and no replica is waited for.
        self.quick_log: CheckedLog = KafkaLog(broker, acks="1")
        own = f"{settings.api_instance}/".encode()
        self.replies: Replies = Following(broker, settings.topic("replies"), "replies", answer, own)

        self._flink = rest_of(settings).url

    def start(self) -> None:
        """Does nothing: the broker runs already."""

    async def check(self, client: httpx.AsyncClient) -> str:
        """See `Runtime.check`; Flink is asked."""
        return await problem_of_score_job(client, self._flink)

    def close(self) -> None:
        """See `Runtime.close`."""
        for part in (self.replies, self.log, self.quick_log):
            part.close()


class SoloRuntime:
    """An engine with its log in this process.

    Args:
        settings: name the folder of the system.
        answer: is called in the event loop with replies.
        clock: seconds since the epoch.

    Raises:
        Refusal: another process runs this system, or one of its files is damaged or of another version.
    """

    def __init__(self, settings: Settings, answer: Answer, clock: Clock) -> None:
        replies = SoloReplies(answer)
        self.engine = Engine(settings, replies.take, died=_end_process, clock=clock)
        self.replies: Replies = replies
        self.log: CheckedLog = SoloLog(self.engine, settings.topic_prefix)
        self.quick_log: CheckedLog = self.log
        self.engine.open()

    def start(self) -> None:
        """Starts the engine, which reads its log behind its state first."""
        self.engine.start()

    async def check(self, client: httpx.AsyncClient) -> str:
        """See `Runtime.check`; the engine knows."""
        return self.engine.problem

    def close(self) -> None:
        """See `Runtime.close`; what the engine has taken is decided first."""
        self.replies.close()
        self.engine.close()


def runtime_of(settings: Settings, answer: Answer, clock: Clock = time.time) -> Runtime:
    """The runtime that the settings name.

    Args:
        answer: is called in the event loop with replies.
        clock: seconds since the epoch; an engine in this process decides by it.
    """
    if settings.runtime == "solo":
        return SoloRuntime(settings, answer, clock)
    return KafkaRuntime(settings, answer)


def _end_process() -> None:
    """Ends this process as TERM does: whoever watches it starts another one, which goes on where the log ends."""
    os.kill(os.getpid(), signal.SIGTERM)
