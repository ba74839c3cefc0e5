"""Makes what leaves a stage for what it refuses: dead letters, and replies to those who wait."""

import msgspec

from features.schema.decode import ID_CHARACTERS_MAX
from foundation.refusal import Refusal
from pipeline.engine.decisions.decision import fallback_flags
from pipeline.engine.definitions.release import Release
from pipeline.engine.isolation import fault_of
from pipeline.score_job.dead_letter import dead_letter
from pipeline.score_job.handed_on import Frame
from pipeline.wire.declaration import Tag


def refused(refusal: Refusal, value: bytes, partition: int = -1, offset: int = -1, at_ms: int = 0, **more: str) -> Frame:
    """Returns the frame that carries `value` and the reason to the dead-letter topic; the arguments are those of `dead_letter`."""
    return Tag.DEAD_LETTER, f"{partition}:{offset}", dead_letter(refusal, value, partition, offset, at_ms, **more)


def refused_reply(release: Release | None, reason: str, value: bytes, reply: str) -> Frame:
    """Returns the frame that answers whoever waits under `reply` for the event `value`, which is refused for `reason`."""
    answer = {
        "event_id": _id_in(value, release),
        "revision": 0,
        "score": None,
        "action": release.policy.fallback.action if release else "approve",
        "reasons": [reason],
        "flags": fallback_flags(release),
        "release": release.id if release else 0,
    }
    return Tag.REPLY, reply, msgspec.json.encode(answer)


def no_release(expected: str = "a release in force") -> Refusal:
    """Returns the refusal of a record that cannot be read while no release is known."""
    return Refusal("no release", where="control topic", expected=expected, got="none", remedy="push a configuration")


def _id_in(value: bytes, release: Release | None) -> str:
    """Returns the id of the event if the refused bytes still show one."""
    try:
        found = msgspec.json.decode(value)
        return str(found.get(release.schema.id_field, ""))[:ID_CHARACTERS_MAX] if isinstance(found, dict) and release else ""
    except (ValueError, RecursionError):  # it is not JSON or not UTF-8, is nested too deep, or has a number with too many digits
        return ""


class Raised:
    """Describes an event at which a stage raised an exception, and how many events in a row did so under the same release.

    The number lets a reader of dead letters tell a release that always raises from an event that raises.

    Args:
        stage: the name of the stage in dead letters.
        release: the release under which the stage raised; None if no release is in force.
        in_a_row: how many events in a row raised, this one included.
    """

    def __init__(self, stage: str, release: Release | None, error: Exception, in_a_row: int) -> None:
        self._refusal = fault_of(error, stage)
        self._more = {"release": str(release.id if release else 0), "in_a_row": str(in_a_row)}

    def frame(self, value: bytes, partition: int = -1, offset: int = -1, at_ms: int = 0, **more: str) -> Frame:
        """Returns the frame of the event's dead letter; the arguments are those of `dead_letter`."""
        return refused(self._refusal, value, partition, offset, at_ms, **more, **self._more)
