"""Bundles: the micro-batches that Java hands to a Python stage, a call each.

A bundle is a head, three columns, the bodies one after the other, and behind those of events the entities' answers as one matrix.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.wire.declaration import ANY_SNAPSHOTS, BUNDLE, Kind


@dataclass(slots=True)
class Bundle:
    """What Java hands over in one call.

    Args:
        kind: what the bodies are.
        release: that all of them were stamped with; 0 where they are not.
        n: how many bodies.
        positions: [n] positions in the topic `models`: where a control record of it stands, how far it was read when a raw record came, or
            what an event or a message was stamped with; `ANY_SNAPSHOTS` for others.
        missing: 1 where an event comes without an answer that it waited for.
        tail: [n, numbers] the answers of the entities; NaN where there is none. ``None`` without answers.
        bodies: in order; views of the bundle.
    """

    kind: Kind
    release: int
    n: int
    positions: NDArray[np.int64]
    missing: NDArray[np.uint8]
    tail: NDArray[np.float64] | None
    bodies: list[memoryview]

    @property
    def size_bytes(self) -> int:
        """The memory in use, about."""
        return sum(map(len, self.bodies)) + 256 * self.n

    def body(self) -> bytes:
        """The first body."""
        return bytes(self.bodies[0])

    def part(self, first: int, end: int) -> "Bundle":
        """The bundle of the bodies from `first` up to `end`, which is left out."""
        tail = None if self.tail is None else self.tail[first:end]
        here = slice(first, end)
        return Bundle(self.kind, self.release, end - first, self.positions[here], self.missing[here], tail, self.bodies[here])


def read_bundle(data: bytes) -> Bundle:
    """Takes a bundle apart without copying its bodies. About 0.2 µs a body."""
    kind, release, count, width = BUNDLE.unpack_from(data)
    ends_at = BUNDLE.size
    positions_at = ends_at + 4 * count
    missing_at = positions_at + 8 * count
    first = missing_at + count
    ends = np.frombuffer(data, "<u4", count, ends_at).tolist()
    positions = np.frombuffer(data, "<i8", count, positions_at)
    missing = np.frombuffer(data, np.uint8, count, missing_at)
    view = memoryview(data)[first:]
    starts = [0, *ends]
    bodies = [view[start:end] for start, end in zip(starts, ends, strict=False)]
    tail = None
    if width:
        answers = bytes(view[starts[-1] : starts[-1] + count * width])
        tail = np.frombuffer(answers, "<f8").reshape(count, width // 8)
    return Bundle(Kind(chr(kind)), release, count, positions, missing, tail, bodies)


def write_bundle(
    kind: str,
    bodies: Sequence[bytes],
    release: int = 0,
    missing: Sequence[int] | None = None,
    answers: Sequence[bytes] = (),
    positions: Sequence[int] | None = None,
) -> bytes:
    """A bundle as Java writes it; `answers` are of one width, one a body. Without `positions` all are `ANY_SNAPSHOTS`."""
    ends = np.cumsum([len(body) for body in bodies], dtype="<u4").tobytes()
    marks = bytes(missing) if missing is not None else bytes(len(bodies))
    places = np.array([ANY_SNAPSHOTS] * len(bodies) if positions is None else positions, "<i8").tobytes()
    width = len(answers[0]) if answers else 0
    return b"".join([BUNDLE.pack(ord(kind), release, len(bodies), width), ends, places, marks, *bodies, *answers])
