"""The stream of decisions as a client reads it: server-sent events, gone on with where a connection was lost."""

import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, TypeAlias

import httpx
import msgspec

from api.client.client_refusals import no_answer, no_api, refusal_of
from foundation.refusal import Refusal

AWAY_SECONDS_MAX = 60.0
SILENT_SECONDS_MAX = 30.0
"""The API says every ten seconds that it is there."""
RETRY_SECONDS = 2.0
PASSING = (429, 502, 503, 504)
"""Statuses that another try may not meet."""

Ask = Callable[[str | None], httpx.Response]
"""Opens the stream after an id; the answer is not read."""


class Streamed(msgspec.Struct):
    """A decision as it was delivered; the stream goes on after `id`, also in another process."""

    decision: dict[str, Any]
    id: str


class Missed(msgspec.Struct):
    """How many decisions this caller did not get: ``lagged``, it read too slowly; ``gap``, the API keeps them no more."""

    why: str
    decisions: int


Event: TypeAlias = Streamed | Missed


class _Count(msgspec.Struct):
    dropped: int = 0
    missing: int = 0


class Watch:
    """Connected once it is made, and the API has said where it begins; an iterator that waits for what comes, without an end.

    For one thread; a context manager.

    A connection that is lost is made anew, with what came meanwhile as far as the API keeps it.

    Args:
        ask: opens the stream.
        after: the id that it goes on after; None: with what comes from now on.
        away_seconds_max: how long the API may be away.

    Raises:
        Refusal: the API does not answer, or refuses; later also from the iterator, when it was away too long.
    """

    def __init__(self, ask: Ask, after: str | None, away_seconds_max: float) -> None:
        self._ask = ask
        self._after = after
        self._away_seconds_max = away_seconds_max
        self._retry_seconds = RETRY_SECONDS
        wrong = self._connect()
        if wrong is not None:
            raise wrong

    def __iter__(self) -> "Watch":
        return self

    def __next__(self) -> Event:
        while True:
            try:
                for block in self._blocks:
                    event = self._read(block)
                    if event is not None:
                        return event
            except httpx.TransportError:
                pass  # as at an end without an error: the server may just have gone
            self._connect_again()

    def close(self) -> None:
        """Watches no more."""
        self._answer.close()

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _connect(self) -> Refusal | None:
        """Gives what is wrong where that may pass, and raises it where not."""
        try:
            answer = self._ask(self._after)
            if answer.headers.get("content-type", "").startswith("text/event-stream"):
                return self._begin(answer)
            answer.read()
        except httpx.TransportError as error:
            return no_answer(error)
        refusal = no_api(answer) if answer.is_success else refusal_of(answer)
        if answer.status_code in PASSING:
            return refusal
        raise refusal

    def _begin(self, answer: httpx.Response) -> Refusal | None:
        """Reads the first block, with the place to go on from: without it, what came before the next try would be lost unseen."""
        self._answer, self._blocks = answer, _blocks(answer.iter_bytes())
        first = next(self._blocks, None)
        if first is None:
            return no_answer(httpx.RemoteProtocolError("the stream ended before it said where it begins", request=answer.request))
        self._read(first)
        return None

    def _connect_again(self) -> None:
        self._answer.close()
        until = time.monotonic() + self._away_seconds_max
        while True:
            time.sleep(self._retry_seconds)
            wrong = self._connect()
            if wrong is None:
                return
            if time.monotonic() > until:
                raise wrong

    def _read(self, block: bytes) -> Event | None:
        """The event of a block; None for one that says something of the stream itself."""
        fields = dict(line.partition(b": ")[::2] for line in block.split(b"\n"))
        self._after = fields[b"id"].decode() if b"id" in fields else self._after
        if b"retry" in fields:
            self._retry_seconds = int(fields[b"retry"]) / 1000
        name, data = fields.get(b"event", b""), fields.get(b"data", b"")
        if name == b"decision":
            return Streamed(msgspec.json.decode(data, type=dict[str, Any]), self._after or "")
        if name not in (b"lagged", b"gap"):
            return None
        count = msgspec.json.decode(data, type=_Count)
        return Missed(name.decode(), count.dropped + count.missing)


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """What stands between empty lines. The API ends a line with a line feed, and has none in its data."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n\n")
        yield from whole
