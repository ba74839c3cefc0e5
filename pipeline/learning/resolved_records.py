"""A label and the decision on its event become the records that profiles, thresholds and models learn from."""

import msgspec

from features.definitions.entity_parser import KEY_JOINT, parts_of
from features.schema.event import id_key_of
from pipeline.control.definitions import Definitions
from pipeline.learning.label_record import USUAL_WEIGHT, ReadLabel
from pipeline.wire.declaration import ENTITY_SEPARATOR
from stores.decisions import StoredDecision


class Sent(msgspec.Struct, frozen=True):
    """A record to write; `topic` is the short name, without the system's prefix."""

    topic: str
    key: bytes
    value: bytes


class _LookedUp(msgspec.Struct):
    value: float
    threshold: float | None = None


class _Served(msgspec.Struct):
    user: str
    event: msgspec.Raw
    features: msgspec.Raw
    action: str = ""
    decided_by: str = ""
    thresholds: dict[str, _LookedUp] = {}


class _Resolved(msgspec.Struct, omit_defaults=True):
    """A `pipeline.score_job.labels.ResolvedLabel` that passes on the decision's parts without decoding them."""

    event_id: str
    id_key: int
    event_time: int
    label: int
    label_time: int
    user: str
    by: str = ""
    source: str = ""
    weight: float = USUAL_WEIGHT
    features: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    event: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    lessons: dict[str, float] = {}
    taught: bool = False


class ResolvedRecords:
    """Makes records of the topic ``labels-resolved``.

    Args:
        definitions: tell how event ids become keys, and which joint entities features are kept of.
    """

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions

    def of(self, decision: StoredDecision, label: ReadLabel) -> list[Sent]:
        """Returns one record for each entity of the newest decision, and for each joint entity that features are kept of.

        Only the first one, that of the primary entity, carries the vector that learning needs, and what the event taught its thresholds.

        Raises:
            msgspec.DecodeError: the decision is none that this system wrote.
        """
        served = msgspec.json.decode(decision.value, type=_Served)
        id_key = self._id_key(decision)
        sent: list[Sent] = []
        for kind, id in (*decision.keys, *self._pairs(decision)):
            resolved = _Resolved(decision.event_id, id_key, decision.event_time, label.label, label.time_ms, served.user, *label[3:])
            if not sent:
                resolved.features, resolved.event = served.features, served.event
                resolved.lessons = self._lessons(decision, served)
                resolved.taught = bool(resolved.lessons) and served.action == "approve" and served.decided_by != "bypass"
            sent.append(Sent("labels-resolved", f"{kind}{ENTITY_SEPARATOR}{id}".encode(), msgspec.json.encode(resolved)))
        return sent

    def _lessons(self, decision: StoredDecision, served: _Served) -> dict[str, float]:
        """Returns what the event taught the thresholds of its user, or would have, by the section that the deciding release kept them in.

        Of an event that was corrected it is not known any more: the decision on the event as it came first is not the newest one.
        """
        release = self._definitions.releases.nearest(decision.release) if served.thresholds and not decision.revision else None
        sections = {each.name: each.section for each in release.rules.thresholds if each.is_corrected} if release is not None else {}
        return {
            sections[name]: each.value if each.threshold is None else min(each.value, each.threshold)
            for name, each in served.thresholds.items()
            if name in sections
        }

    def _pairs(self, decision: StoredDecision) -> list[tuple[str, str]]:
        release, ids = self._definitions.newest, dict(decision.keys)
        pairs = []
        for kind in release.entity_kinds() if release else ():
            parts = parts_of(kind)
            if len(parts) > 1 and all(part in ids for part in parts):
                pairs.append((kind, KEY_JOINT.join(ids[part] for part in parts)))
        return pairs

    def _id_key(self, decision: StoredDecision) -> int:
        release = self._definitions.releases.nearest(decision.release)
        integer = release is not None and release.schema.id_type == "integer"
        try:
            return id_key_of(decision.event_id, integer)
        except ValueError:  # the event was decided before the schema declared integer ids
            return id_key_of(decision.event_id, False)
