"""Resolved labels on their way into profiles."""

import msgspec
import numpy as np

from pipeline.frames import Bundle
from pipeline.release import Release
from pipeline.scorer import Scorer


class ResolvedLabel(msgspec.Struct):
    """A record of ``labels-resolved``: a label joined with the decision as served. Times in ms."""

    event_id: str
    id_key: int
    event_time: int
    label: int
    label_time: int
    user: str
    features: dict[str, float | None] = {}
    event: dict[str, float | None] = {}


_decode = msgspec.json.Decoder(ResolvedLabel).decode


def take_labels(bundle: Bundle, release: Release | None, scorer: Scorer) -> None:
    """Gives the labels of a bundle to the profiles of the keys that they name."""
    if release is None:
        return
    by_kind: dict[str, list[tuple[str, ResolvedLabel]]] = {}
    for body in bundle.bodies:
        raw = bytes(body)
        start = 2 + int.from_bytes(raw[:2], "little")
        kind, _, key = raw[2:start].decode().partition("\0")
        by_kind.setdefault(kind, []).append((key, _decode(raw[start:])))
    for kind, rows in by_kind.items():
        labels = [label for _, label in rows]
        scorer.label(
            release,
            kind,
            [key for key, _ in rows],
            np.array([label.event_time for label in labels], np.int64),
            np.array([label.id_key for label in labels], np.int64),
            np.array([label.label for label in labels], np.int8),
            np.array([label.label_time for label in labels], np.int64),
        )
