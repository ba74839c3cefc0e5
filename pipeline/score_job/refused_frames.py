"""The frames that stages give back for what they refuse: dead letters, and replies to those who wait."""

import msgspec

from features.schema.decode import ID_CHARACTERS_MAX
from foundation.refusal import Refusal
from pipeline.engine.decision import fallback_flags
from pipeline.engine.isolation import fault_of
from pipeline.engine.release import Release
from pipeline.score_job.dead_letter import dead_letter
from pipeline.wire.declaration import Tag
from pipeline.wire.frames import topic_frame


def refused(refusal: Refusal, value: bytes, partition: int = -1, offset: int = -1, at_ms: int = 0, **more: str) -> bytes:
    """The frame that carries `value` and the reason to the dead-letter topic; the arguments are those of `dead_letter`."""
    return topic_frame(Tag.DEAD_LETTER, f"{partition}:{offset}", dead_letter(refusal, value, partition, offset, at_ms, **more))


def refused_reply(release: Release | None, reason: str, value: bytes, reply: str) -> bytes:
    """The frame that answers whoever waits under `reply` for the event `value`, which is refused for `reason`."""
    answer = {
        "event_id": _id_in(value, release),
        "revision": 0,
        "score": None,
        "action": release.policy.fallback.action if release else "approve",
        "reasons": [reason],
        "flags": fallback_flags(release),
        "release": release.id if release else 0,
    }
    return topic_frame(Tag.REPLY, reply, msgspec.json.encode(answer))


def no_release(expected: str = "a release in force") -> Refusal:
    """The refusal of a record that cannot be read while no release is known."""
    return Refusal("no release", where="control topic", expected=expected, got="none", remedy="push a configuration")


def _id_in(value: bytes, release: Release | None) -> str:
    """The event's id where the refused bytes still show one."""
    try:
        found = msgspec.json.decode(value)
        return str(found.get(release.schema.id_field, ""))[:ID_CHARACTERS_MAX] if isinstance(found, dict) and release else ""
    except (ValueError, RecursionError):  # no JSON, no UTF-8, nested too deep, a number with too many digits
        return ""


class Raised:
    """An event at which a stage raised an exception, and how many in a row did before it under the same release.

    The number tells whoever reads the dead letters a release that raises from an event that does.

    Args:
        stage: its name in dead letters.
        release: under which it raised; None where no release is in force.
        in_a_row: this event included.
    """

    def __init__(self, stage: str, release: Release | None, error: Exception, in_a_row: int) -> None:
        self._refusal = fault_of(error, stage)
        self._more = {"release": str(release.id if release else 0), "in_a_row": str(in_a_row)}

    def frame(self, value: bytes, partition: int = -1, offset: int = -1, at_ms: int = 0, **more: str) -> bytes:
        """The frame of its dead letter; the arguments are those of `dead_letter`."""
        return refused(self._refusal, value, partition, offset, at_ms, **more, **self._more)
