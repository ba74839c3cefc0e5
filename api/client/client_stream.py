"""The client's side of the stream of decisions: it reads server-sent events and goes on where a connection was lost."""

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
"""A connection without data for this time is lost, because the API sends a heartbeat every ten seconds."""
RETRY_SECONDS = 2.0
PASSING = (429, 502, 503, 504)
"""A request that is answered with one of these statuses is tried again."""

Ask = Callable[[str | None], httpx.Response]
"""Opens the stream after an id and gives the answer before its body is read."""


class Streamed(msgspec.Struct):
    """A decision as it was delivered; any API process can go on after `id`."""

    decision: dict[str, Any]
    id: str


class Missed(msgspec.Struct):
    """How many decisions this caller missed, and why: ``lagged``, it read too slowly; ``gap``, the API no longer keeps them."""

    why: str
    decisions: int


Event: TypeAlias = Streamed | Missed


class _Count(msgspec.Struct):
    dropped: int = 0
    missing: int = 0


class Watch:
    """An iterator over decisions that waits for each one and has no end.

    Once it is constructed it is connected, and the API has said where the stream begins.

    Only one thread may use it. As a context manager it closes its connection at the end. A lost connection is opened again, and the
    decisions since then come first, as far as the API keeps them.

    Args:
        ask: opens the stream.
        after: the id after which the stream goes on; None means that it begins now.
        away_seconds_max: how long the API may be down before the iterator raises.

    Raises:
        Refusal: the API does not answer, or refuses the request; the iterator raises it when the API was down for too long.
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
                pass  # the connection was lost; an end without an error is the same, because the server may have stopped
            self._connect_again()

    def close(self) -> None:
        """Closes the connection."""
        self._answer.close()

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _connect(self) -> Refusal | None:
        """Opens the stream; gives None, or the refusal if another try may succeed, and raises the refusal otherwise."""
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
        """Reads the first block, which has the id to go on from; without it, decisions before a reconnection could be lost unnoticed."""
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
        """The event in a block; None when the block is about the stream itself."""
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
    """Splits the stream into the blocks between empty lines. The API ends a line with a line feed and has none in its data."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n\n")
        yield from whole
