"""Resolved labels on their way into profiles."""

from typing import Annotated

import msgspec
import numpy as np

from features.definitions.entity_parser import KEY_JOINT, parts_of
from features.schema.decode import ID_CHARACTERS_MAX
from foundation.refusal import Refusal
from pipeline.engine.definitions.release import Release
from pipeline.engine.isolation import fault_of
from pipeline.engine.scorer import Scorer
from pipeline.engine.steps.threshold_lessons import lessons_of
from pipeline.score_job.handed_on import Frame
from pipeline.score_job.refused_frames import no_release, refused
from pipeline.wire.bodies import read_keyed_body
from pipeline.wire.bundle import Bundle
from pipeline.wire.declaration import ENTITY_SEPARATOR

TOPIC = "labels-resolved"
"""Where a dead letter of a label comes from."""

_Time = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]
"""Ms since the epoch, up to the year 9999."""


class ResolvedLabel(msgspec.Struct):
    """A record of ``labels-resolved``: a label joined with the decision as served. Times in ms.

    `lessons` are by the section of each learned threshold of the user what the event taught it, or would have; `taught` is whether it did.
    """

    event_id: str
    id_key: Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
    event_time: _Time
    label: Annotated[int, msgspec.Meta(ge=0, le=1)]
    label_time: _Time
    user: str
    features: dict[str, float | None] = {}
    event: dict[str, float | None] = {}
    source: str = ""
    weight: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    lessons: dict[str, float] = {}
    taught: bool = False


_decode = msgspec.json.Decoder(ResolvedLabel).decode


def take_labels(bundle: Bundle, release: Release, scorer: Scorer) -> list[Frame]:
    """Gives the labels of a bundle to the profiles of the keys that they name; frames of dead letters for those that are none."""
    by_kind: dict[str, list[tuple[str, ResolvedLabel]]] = {}
    frames: list[Frame] = []
    for body in bundle.bodies:
        name, value = read_keyed_body(body)
        try:
            kind, key = _entity_of(name)
            by_kind.setdefault(kind, []).append((key, _label_in(value)))
        except Refusal as refusal:
            frames.append(_refused(refusal, body))
    for kind, rows in by_kind.items():
        _give(release, scorer, kind, [key for key, _ in rows], [label for _, label in rows])
    return frames


def refused_label(body: memoryview, error: Exception, where: str) -> list[Frame]:
    """The frame of a dead letter for a label at which `where` raised `error`."""
    return [_refused(fault_of(error, where), body)]


def labels_without_release(bundle: Bundle) -> list[Frame]:
    """The frames of dead letters for the labels of a bundle that comes while no release is in force: none says what their keys mean."""
    return [_refused(no_release(), body) for body in bundle.bodies]


def _refused(refusal: Refusal, body: memoryview) -> Frame:
    return refused(refusal, bytes(read_keyed_body(body)[1]), topic=TOPIC)


def _entity_of(key: bytes) -> tuple[str, str]:
    """Kind and id that a record's key names."""
    try:
        kind, _, id = key.decode().partition(ENTITY_SEPARATOR)
    except UnicodeDecodeError:
        kind = id = ""
    ids = id.split(KEY_JOINT, len(parts_of(kind)) - 1)
    if not (kind and all(0 < len(each) <= ID_CHARACTERS_MAX for each in ids)):
        expected = f"the kind of entity, NUL, and an id of 1 to {ID_CHARACTERS_MAX} characters, of a pair two, in UTF-8"
        raise Refusal("bad key of a label", where="key", expected=expected, got=key)
    return kind, id


def _label_in(value: memoryview) -> ResolvedLabel:
    try:
        return _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("bad resolved label", where="label", expected="a label as the label job writes it", got=str(error)) from error


def _give(release: Release, scorer: Scorer, kind: str, keys: list[str], labels: list[ResolvedLabel]) -> None:
    scorer.label(
        release,
        kind,
        keys,
        np.array([label.event_time for label in labels], np.int64),
        np.array([label.id_key for label in labels], np.int64),
        [label.user for label in labels],
        np.array([label.label for label in labels], np.int8),
        np.array([label.label_time for label in labels], np.int64),
        np.array(release.schema.label_sources.ranks(label.source for label in labels), np.int8),
        lessons_of([label.lessons for label in labels], [label.taught for label in labels]),
    )
