"""Labels joined with the decisions as served: what the label job does, apart from Kafka."""

import datetime
import logging
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from features.entity_reading import KEY_JOINT, parts_of
from features.event import id_key_of
from features.refusal import Refusal
from pipeline.dead_letter import dead_letter
from pipeline.isolation import NOBODYS_FAULT, fault_of
from pipeline.stages.definitions import Definitions
from stores.decisions import Decisions, EventName, StoredDecision

log = logging.getLogger(__name__)

RETRY_MS_MIN = 1_000
RETRY_MS_MAX = 60_000
WAITING_MAX = 100_000
TIME_MS_MAX = 253_402_300_799_999
"""The end of the year 9999."""
EVENT_ID_BYTES_MAX = 65_535
"""What a key in Cassandra may have: one that is longer fails the look-up of all that are asked for with it."""


class LabelRecord(msgspec.Struct, frozen=True):
    """A record of the labels topic; `place` is ``topic/partition``, `at_ms` when the broker had it."""

    place: str
    offset: int
    at_ms: int
    value: bytes


class Sent(msgspec.Struct, frozen=True):
    """A record to write; `topic` without its prefix."""

    topic: str
    key: bytes
    value: bytes


class Label(msgspec.Struct):
    """The value of a label's record; `user` names whose event it is, and may be left out where one user alone has that id."""

    event_id: str | int
    label: int
    label_time: int | str
    user: str | int | None = None


class ReadLabel(NamedTuple):
    """A label that was read: which event it is about, 0 or 1, and the time in ms from which on it is known."""

    event: EventName
    label: int
    time_ms: int


class _Served(msgspec.Struct):
    user: str
    event: msgspec.Raw
    features: msgspec.Raw


class _Resolved(msgspec.Struct, omit_defaults=True):
    """`pipeline.stages.labels.ResolvedLabel`, with the decision's parts passed on as they are."""

    event_id: str
    id_key: int
    event_time: int
    label: int
    label_time: int
    user: str
    features: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    event: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Waiting(msgspec.Struct):
    """The labels of one event, in their order, that wait for its decision."""

    labels: list[tuple[LabelRecord, ReadLabel]]
    since_ms: int
    retry_ms: int
    pause_ms: int = RETRY_MS_MIN


class LabelResolver:
    """Takes labels, gives resolved ones and dead letters, and knows up to where the labels topic is dealt with.

    A label whose decision is not in the store waits; its wait begins anew when the process does, and when a store answers again that
    did not: decisions made meanwhile come to it only now. Labels of one event stay in order.

    Args:
        decisions: are looked up here.
        definitions: tell how ids become keys.
        wait_ms: the end of a label's wait.
        now_ms: of a clock that never goes back: labels wait by it, and one that was set back would have them wait for so much longer.
    """

    def __init__(self, decisions: Decisions, definitions: Definitions, wait_ms: int, now_ms: Callable[[], int]) -> None:
        self.resolved = 0
        self.refused = 0
        self._decisions = decisions
        self._definitions = definitions
        self._wait_ms = wait_ms
        self._now_ms = now_ms
        self._waiting: dict[EventName, _Waiting] = {}
        self._next: dict[str, int] = {}
        self._store_is_away = False

    @property
    def full(self) -> bool:
        """Whether so many events wait for their decisions that no more labels should be taken."""
        return len(self._waiting) >= WAITING_MAX

    @property
    def waiting(self) -> int:
        """Events whose labels wait."""
        return len(self._waiting)

    def take(self, records: list[LabelRecord]) -> list[Sent]:
        """Takes in a batch; gives what can be written now."""
        sent, now = [], self._now_ms()
        events: dict[EventName, None] = {}
        for record in records:
            self._next[record.place] = record.offset + 1
            try:
                label = read_label(record.value)
            except NOBODYS_FAULT:
                raise
            except Exception as error:
                sent.append(self._dead(record, error if isinstance(error, Refusal) else fault_of(error, "label job")))
                continue
            self._waiting.setdefault(label.event, _Waiting([], now, now)).labels.append((record, label))
            events[label.event] = None
        return sent + self._resolve(list(events), now)

    def retry(self) -> list[Sent]:
        """Looks again for the decisions whose turn it is; gives what can be written now. To be called each second or so."""
        now = self._now_ms()
        due = [event for event, waiting in self._waiting.items() if waiting.retry_ms <= now]
        return self._resolve(due, now)

    def done(self) -> dict[str, int]:
        """Next record by place, to be committed once all that was given is written: the oldest that waits, or the one after the last."""
        done = dict(self._next)
        for waiting in self._waiting.values():
            for record, _ in waiting.labels:
                done[record.place] = min(done[record.place], record.offset)
        return done

    def forget(self, places: list[str]) -> None:
        """Partitions that another process reads from now on: it begins with what waits here."""
        for place in places:
            self._next.pop(place, None)
        for event, waiting in list(self._waiting.items()):
            waiting.labels = [each for each in waiting.labels if each[0].place not in places]
            if not waiting.labels:
                del self._waiting[event]

    def _resolve(self, events: list[EventName], now_ms: int) -> list[Sent]:
        try:
            found = self._decisions.get_many(events) if events else {}
        except Exception as error:  # whatever store it is: the labels wait, and none is given up meanwhile
            log.warning("the store does not answer, labels of %d events wait: %s", len(self._waiting), error)
            self._store_is_away = True
            for event in events:
                self._waiting[event].retry_ms = now_ms + RETRY_MS_MIN
            return []
        if events and self._store_is_away:
            self._wait_anew(now_ms)
        sent: list[Sent] = []
        for event in events:
            if event in found:
                sent += self._answered(event, found[event], self._waiting.pop(event).labels)
            elif now_ms - self._waiting[event].since_ms >= self._wait_ms:
                sent += [self._dead(record, self._unknown(event)) for record, _ in self._waiting.pop(event).labels]
            else:
                self._postpone(event, now_ms)
        return sent

    def _wait_anew(self, now_ms: int) -> None:
        self._store_is_away = False
        for waiting in self._waiting.values():
            waiting.since_ms, waiting.pause_ms = now_ms, RETRY_MS_MIN

    def _postpone(self, event: EventName, now_ms: int) -> None:
        waiting = self._waiting[event]
        waiting.retry_ms = now_ms + waiting.pause_ms
        waiting.pause_ms = min(2 * waiting.pause_ms, RETRY_MS_MAX)

    def _answered(self, event: EventName, decisions: list[StoredDecision], labels: list[tuple[LabelRecord, ReadLabel]]) -> list[Sent]:
        if len(decisions) > 1:
            return [self._dead(record, of_several_users(event.event_id, decisions)) for record, _ in labels]
        if decisions[0].retracted:
            return [self._dead(record, _retracted(event.event_id)) for record, _ in labels]
        return [sent for record, label in labels for sent in self._resolved_or_dead(decisions[0], record, label)]

    def _resolved_or_dead(self, decision: StoredDecision, record: LabelRecord, label: ReadLabel) -> list[Sent]:
        try:
            return self._resolved(decision, label)
        except NOBODYS_FAULT:
            raise
        except Exception as error:  # what was served may be whatever somebody wrote to the topic of decisions
            return [self._dead(record, fault_of(error, "label job"))]

    def _resolved(self, decision: StoredDecision, label: ReadLabel) -> list[Sent]:
        """One record for each key of the newest decision, and each pair of them that features are kept of; only the user's, the first,
        carries what learning needs."""
        served = msgspec.json.decode(decision.value, type=_Served)
        id_key = self._id_key(decision)
        sent: list[Sent] = []
        for kind, id in (*decision.keys, *self._pairs(decision)):
            resolved = _Resolved(decision.event_id, id_key, decision.event_time, label.label, label.time_ms, served.user)
            if not sent:
                resolved.features, resolved.event = served.features, served.event
            sent.append(Sent("labels-resolved", f"{kind}\0{id}".encode(), msgspec.json.encode(resolved)))
        self.resolved += 1
        return sent

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
        except ValueError:  # decided before the schema called ids integers
            return id_key_of(decision.event_id, False)

    def _unknown(self, event: EventName) -> Refusal:
        return Refusal(
            "no decision for this label",
            where="event_id",
            expected=f"an event that was decided, at the latest {self._wait_ms / 1000:g} s after its label came",
            got=event.event_id if event.user is None else f"{event.event_id} of user {event.user}",
            remedy="drive it in again once the event is decided",
        )

    def _dead(self, record: LabelRecord, refusal: Refusal) -> Sent:
        self.refused += 1
        topic, _, partition = record.place.rpartition("/")
        letter = dead_letter(refusal, record.value, int(partition), record.offset, record.at_ms, topic=topic)
        return Sent("dead-letters", f"{record.place}:{record.offset}".encode(), letter)


def of_several_users(event_id: str, decisions: list[StoredDecision]) -> Refusal:
    """The refusal of an id alone that stands for an event of each of several users."""
    return Refusal(
        "several users have an event with this id",
        where="user",
        expected="the user whose event is meant, one of " + ", ".join(decision.user for decision in decisions),
        got=f"event {event_id} without a user",
        remedy="name the user beside the id",
    )


def _retracted(event_id: str) -> Refusal:
    expected = "an event that stands: one that was taken back counts in nothing"
    return Refusal("label of a retracted event", where="event_id", expected=expected, got=event_id)


def read_label(value: bytes) -> ReadLabel:
    """The label in the value of a record.

    Raises:
        Refusal: the value is no label.
    """
    try:
        read = msgspec.json.decode(value, type=Label)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("bad label", where="label", expected="{event_id, label: 0 or 1, label_time}", got=str(error)) from error
    if read.label not in (0, 1):
        raise Refusal("unknown label", where="label", expected="0 or 1", got=read.label)
    event_id = str(read.event_id)
    size = len(event_id.encode())
    if size > EVENT_ID_BYTES_MAX:
        raise Refusal("long event id", where="event_id", expected=f"at most {EVENT_ID_BYTES_MAX} bytes", got=f"{size} bytes")
    user = None if read.user is None else str(read.user)
    return ReadLabel(EventName(event_id, user), read.label, _time_ms(read.label_time))


def _time_ms(given: int | str) -> int:
    expected = "ms since the epoch, or RFC 3339 with its offset"
    time_ms = given
    if isinstance(time_ms, str):
        try:
            at = msgspec.convert(time_ms, datetime.datetime)
        except msgspec.ValidationError as error:
            raise Refusal("bad time", where="label_time", expected=expected, got=given) from error
        if at.tzinfo is None:
            raise Refusal("time without offset", where="label_time", expected=expected, got=given)
        time_ms = (at - datetime.datetime.fromtimestamp(0, datetime.UTC)) // datetime.timedelta(milliseconds=1)
    if not 0 <= time_ms <= TIME_MS_MAX:
        raise Refusal("time out of range", where="label_time", expected=f"{expected}, from 1970 to 9999", got=given)
    return time_ms
