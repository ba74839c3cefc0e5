"""The replies of the engine of a solo system, which come from its thread and not from a topic."""

import asyncio
from collections.abc import Callable, Sequence

from pipeline.solo.engine import Replies

Answer = Callable[[Sequence[tuple[str, bytes | None]]], None]


class SoloReplies:
    """Takes replies in the engine's thread and gives them in the event loop; it stands in the place of a `Following` of replies.

    Args:
        answer: is called in the event loop with the replies of each batch.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._loop: asyncio.AbstractEventLoop | None = None

    def take(self, replies: Replies) -> None:
        """Takes in replies; those from before `start` are for nobody."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._answer, replies)

    def assign(self, from_end: bool) -> None:
        """Does nothing: there is no topic."""

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Gives replies in `loop` from now on."""
        self._loop = loop

    def close(self) -> None:
        """Gives no more replies."""
        self._loop = None
