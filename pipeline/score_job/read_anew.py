"""Events whose own release cannot be had any more are read anew from their bytes by another release."""

from collections.abc import Sequence
from typing import NamedTuple

from features.schema.decode import Decoder
from foundation.refusal import Refusal
from pipeline.engine.definitions.release import Release
from pipeline.score_job.event_body import event_body
from pipeline.score_job.refused_frames import no_release


class ReadAnew(NamedTuple):
    """Holds a bundle of events: bodies as the other release reads them, and the refusals of others with bytes, waiters and arrivals."""

    bodies: list[bytes]
    refused: list[tuple[Refusal, bytes, str, int]]


def read_anew(events: Sequence[tuple[int, int, str, bytes]], release: Release | None) -> ReadAnew:
    """Reads `events`, which an unknown release has read, by `release`; with None all of them are refused.

    Args:
        events: of each the key of its order, its arrival in ms, who waits, and its bytes as they came.
    """
    decoder = Decoder(release.schema) if release is not None else None
    out = ReadAnew([], [])
    for order_key, arrived_ms, reply, value in events:
        try:
            event = _required(decoder).decode(value, arrived_ms, reply)
        except Refusal as refusal:
            out.refused.append((refusal, value, reply, arrived_ms))
        else:
            out.bodies.append(event_body(event, order_key, value))
    return out


def _required(decoder: Decoder | None) -> Decoder:
    if decoder is None:
        raise no_release("the release that the event was stamped with, or another that compiles")
    return decoder
