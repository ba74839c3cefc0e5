"""Records that were refused or came too late are redriven: their original bytes are sent again to the topic that they came from.

To redrive a record twice does no harm, since an event that was decided is then a duplicate. A record that the definitions in force still
refuse is not sent, nor is one that would only be refused again: an id that was used, or a correction of an unknown event.
"""

import base64
import binascii
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from features.schema.decode import Decoder
from features.schema.event import Event
from features.schema.schema import Schema
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.control.kafka import Outbox, producer_of
from pipeline.control.progress import Progress
from pipeline.control.topic_values import read_definitions, values_of
from pipeline.learning.read_label import read_label

DEAD_LETTERS, LATE = "dead-letters", "late"
TOPICS = (DEAD_LETTERS, LATE)
BY_STATE = ("id_reused", "event_unknown", "corrected too often")
"""Reasons for which profiles and not definitions refuse a record; such records are redriven only if the reason is asked for."""


class Letter(msgspec.Struct):
    """A record of the topics ``dead-letters`` and ``late``.

    Args:
        reason: why the record was refused.
        value: the original bytes in base64; they may have been cut off.
        bytes: number of the original bytes; -1 if it is not known.
        topic: full name of the topic that the record came from; empty for events.
        at: when the broker received the record, in ms since the epoch.
    """

    reason: dict[str, str] | str
    value: str
    bytes: int = -1
    topic: str = ""
    at: int = 0

    @property
    def what(self) -> str:
        return self.reason.partition(":")[0] if isinstance(self.reason, str) else self.reason.get("what", "")


class Record(NamedTuple):
    """A record to send: the topic's short name, the key and the value."""

    topic: str
    key: str
    value: bytes


class Redrive:
    """Chooses dead letters and late records, and makes records to send of them. `left` counts by reason those that are not sent.

    Args:
        schema: that of the release in force.
        reason: text that the reason's ``what`` has to contain; empty for any reason except `BY_STATE`.
    """

    def __init__(self, schema: Schema, reason: str) -> None:
        self.left: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()
        self._decoder = Decoder(schema)
        self._reason = reason

    def records(self, values: Iterable[bytes]) -> Iterator[Record]:
        """Gives the records of those letters that are chosen and that the schema accepts now."""
        for value in values:
            try:
                letter = msgspec.json.decode(value, type=Letter)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self.left["not a letter"] += 1
                continue
            if self._reason not in letter.what or (not self._reason and letter.what in BY_STATE):
                self.left[f"not asked for: {letter.what}"] += 1
                continue
            try:
                record = self._record(letter)
            except Refusal as refusal:
                self.left[f"still refused: {refusal.what}"] += 1
                continue
            self.taken[letter.what] += 1
            yield record

    def _record(self, letter: Letter) -> Record:
        try:
            value = base64.b64decode(letter.value, validate=True)
        except binascii.Error as error:
            raise Refusal("not base64", where="value", expected="the original bytes", got=str(error)) from error
        if 0 <= len(value) < letter.bytes:
            raise Refusal("cut off", where="value", expected=f"{letter.bytes} bytes", got=str(len(value)))
        if not letter.topic:
            event: Event = self._decoder.decode(value, letter.at or 1 << 62)
            return Record("events", event.user, value)
        if letter.topic.endswith("labels"):
            return Record("labels", read_label(value, 0).event.event_id, value)
        raise Refusal("made by the system itself", where="topic", expected="events or labels", got=letter.topic)


def redrive(settings: Settings, topic: str, reason: str, dry_run: bool, progress: Progress = lambda done, total: None) -> Redrive:
    """Redrives the records of ``dead-letters`` or ``late`` that `reason` selects; they also stay on that topic.

    Args:
        progress: is called after each batch with records done and records in all.

    Raises:
        Refusal: the broker does not answer, or no release is in force.
        KafkaException: the broker did not acknowledge all records; the call may be repeated.
    """
    release = read_definitions(settings).newest
    if release is None:
        raise Refusal(
            "no release", where=settings.topic("control"), expected="one in force", got="none", remedy="start the system: weir up"
        )
    found = Redrive(release.schema, reason)
    outbox = Outbox(producer_of(settings))
    for values in values_of(settings, topic, progress):
        for record in found.records(values):
            if not dry_run:
                outbox.send(settings.topic(record.topic), record.key.encode(), record.value)
    outbox.flush()
    return found


def report(found: Redrive, dry_run: bool) -> str:
    """Says how many records were sent and how many were not, by reason."""
    lines = [f"{count:>9,}  {what}" for what, count in found.taken.most_common()]
    lines += [f"{count:>9,}  left: {what}" for what, count in found.left.most_common()]
    done = "would be driven in again" if dry_run else "driven in again"
    return "\n".join([f"{sum(found.taken.values()):,} {done}, {sum(found.left.values()):,} stay", *lines])
