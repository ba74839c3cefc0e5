"""Labels joined with the decisions as served: what the label job does, apart from Kafka."""

import datetime
import logging
from collections.abc import Callable
from itertools import chain

import msgspec

from features.definitions.entity_parser import KEY_JOINT, parts_of
from features.schema.duplicate_keys import refuse_repeated_keys
from features.schema.event import id_key_of
from features.schema.schema import MIN_TIME_MS
from foundation.refusal import Refusal
from pipeline.control.definitions import Definitions
from pipeline.engine.isolation import NOBODYS_FAULT, fault_of
from pipeline.engine.label_times import early_label, label_time_ms
from pipeline.learning.label_record import LabelRecord, ReadLabel
from pipeline.learning.waiting_labels import Given, WaitingLabels
from pipeline.score_job.dead_letter import dead_letter
from pipeline.wire.declaration import ENTITY_SEPARATOR
from stores.decisions import Decisions, EventName, StoredDecision

log = logging.getLogger(__name__)

WAITING_MAX = 100_000
WAITING_OF_CALLER_MAX = 20_000
RETRIED_AT_ONCE = 4_000
EVENT_ID_BYTES_MAX = 65_535
"""What a key in Cassandra may have: one that is longer fails the look-up of all that are asked for with it."""
_KEYS_LEAST = 3  # event_id, label and label_time


class Sent(msgspec.Struct, frozen=True):
    """A record to write; `topic` without its prefix."""

    topic: str
    key: bytes
    value: bytes


class Label(msgspec.Struct):
    """The value of a label's record, see `pipeline.learning.label_record.ReadLabel`."""

    event_id: str | int
    label: int
    label_time: int | str
    user: str | int | None = None
    by: str = ""
    source: str = ""
    weight: float = 1.0


class _Served(msgspec.Struct):
    user: str
    event: msgspec.Raw
    features: msgspec.Raw


class _Resolved(msgspec.Struct, omit_defaults=True):
    """`pipeline.score_job.labels.ResolvedLabel`, with the decision's parts passed on as they are."""

    event_id: str
    id_key: int
    event_time: int
    label: int
    label_time: int
    user: str
    by: str = ""
    source: str = ""
    weight: float = 1.0
    features: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    event: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class LabelResolver:
    """Takes labels, gives resolved ones and dead letters, and knows up to where the labels topic is dealt with.

    A label whose decision is not in the store waits; its wait begins anew when the process does, and when a store answers again that
    did not: decisions made meanwhile come to it only now. Labels of one event stay in order. Those that wait hold up no others: where a
    caller has more of them than it may, or all have, the oldest becomes a dead letter, and can be driven in again. While the store does not
    answer none does, but no more labels are taken.

    Args:
        decisions: are looked up here.
        definitions: tell how ids become keys.
        wait_ms: the end of a label's wait.
        now_ms: of a clock that never goes back: labels wait by it, and one that was set back would have them wait for so much longer.
        waiting_max, of_caller_max: labels that may wait, in all and of one caller.
    """

    def __init__(
        self,
        decisions: Decisions,
        definitions: Definitions,
        wait_ms: int,
        now_ms: Callable[[], int],
        waiting_max: int = WAITING_MAX,
        of_caller_max: int = WAITING_OF_CALLER_MAX,
    ) -> None:
        self.resolved = 0
        self.refused = 0
        self._decisions = decisions
        self._definitions = definitions
        self._wait_ms = wait_ms
        self._now_ms = now_ms
        self._waiting_max = waiting_max
        self._of_caller_max = of_caller_max
        self._waiting = WaitingLabels()
        self._next: dict[str, int] = {}
        self._store_is_away = False

    @property
    def full(self) -> bool:
        """Whether no more labels should be taken: so many wait for a store that does not answer."""
        return self._store_is_away and len(self._waiting) >= self._waiting_max

    @property
    def waiting(self) -> int:
        """Labels that wait."""
        return len(self._waiting)

    def take(self, records: list[LabelRecord]) -> list[Sent]:
        """Takes in a batch; gives what can be written now."""
        sent: list[Sent] = []
        taken: dict[EventName, list[Given]] = {}
        for record in records:
            self._next[record.place] = record.offset + 1
            try:
                label = read_label(record.value, self._min_time_ms())
            except NOBODYS_FAULT:
                raise
            except Exception as error:
                sent.append(self._dead(record, error if isinstance(error, Refusal) else fault_of(error, "label job")))
                continue
            taken.setdefault(label.event, []).append((record, label))
        now_ms = self._now_ms()
        found = self._found(list(taken), now_ms)
        for event, labels in taken.items():
            if event in found:
                sent += self._answered(event, found[event], [*self._waiting.pop(event), *labels])
        for record, label in sorted(chain.from_iterable(taken[event] for event in taken.keys() - found.keys()), key=_place_of):
            self._waiting.add(record, label, now_ms)
        return sent + ([] if self._store_is_away else self._beyond_bounds(taken))

    def retry(self) -> list[Sent]:
        """Looks again for some of the decisions whose turn it is; gives what can be written now. To be called after each batch."""
        now_ms = self._now_ms()
        due = self._waiting.due(now_ms, RETRIED_AT_ONCE)
        found = self._found(due, now_ms)
        sent: list[Sent] = []
        for event in due:
            if event in found:
                sent += self._answered(event, found[event], self._waiting.pop(event))
            elif self._store_is_away:
                self._waiting.try_soon(event, now_ms)
            elif self._waiting.waited_ms(event, now_ms) >= self._wait_ms:
                sent += [self._dead(record, self._unknown(event)) for record, _ in self._waiting.pop(event)]
            else:
                self._waiting.postpone(event, now_ms)
        return sent

    def done(self) -> dict[str, int]:
        """Next record by place, to be committed once all that was given is written: the oldest that waits, or the one after the last."""
        return self._next | {place: offset for place, offset in self._waiting.oldest() if place in self._next}

    def forget(self, places: list[str]) -> None:
        """Partitions that another process reads from now on: it begins with what waits here."""
        for place in places:
            self._next.pop(place, None)
            self._waiting.pop_place(place)

    def _found(self, events: list[EventName], now_ms: int) -> dict[EventName, list[StoredDecision]]:
        """The decisions on `events`; none while the store does not answer."""
        try:
            found = self._decisions.get_many(events) if events else {}
        except Exception as error:  # whatever store it is: the labels wait, and none is given up meanwhile
            log.warning("the store does not answer, %d labels wait: %s", len(self._waiting), error)
            self._store_is_away = True
            return {}
        if events and self._store_is_away:
            self._store_is_away = False
            self._waiting.wait_anew(now_ms)
        return found

    def _beyond_bounds(self, taken: dict[EventName, list[Given]]) -> list[Sent]:
        """Dead letters of the oldest labels of those callers that have too many; all of theirs were looked for in vain."""
        sent: list[Sent] = []
        for caller in {label.by for labels in taken.values() for _, label in labels}:
            while self._waiting.count_of(caller) > self._of_caller_max:
                sent.append(self._too_many(caller, self._of_caller_max, "of one caller"))
        while len(self._waiting) > self._waiting_max:
            sent.append(self._too_many(self._waiting.busiest(), self._waiting_max, "of all callers"))
        return sent

    def _too_many(self, caller: str, most: int, whose: str) -> Sent:
        record, label = self._waiting.pop_oldest_of(caller)
        refusal = Refusal(
            "too many labels wait",
            where="event_id",
            expected=f"at most {most:,} labels {whose} that wait for the decisions on their events",
            got=f"one more; the oldest of {caller or 'unnamed callers'} is on event {label.event.event_id}",
            remedy="drive it in again once the event is decided",
        )
        return self._dead(record, refusal)

    def _answered(self, event: EventName, decisions: list[StoredDecision], labels: list[Given]) -> list[Sent]:
        if len(decisions) > 1:
            return [self._dead(record, of_several_users(event.event_id, decisions)) for record, _ in labels]
        if decisions[0].retracted:
            return [self._dead(record, _retracted(event.event_id)) for record, _ in labels]
        return [sent for record, label in labels for sent in self._resolved_or_dead(decisions[0], record, label)]

    def _resolved_or_dead(self, decision: StoredDecision, record: LabelRecord, label: ReadLabel) -> list[Sent]:
        if label.time_ms < decision.event_time:
            return [self._dead(record, early_label(label.time_ms, decision.event_time))]
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
            resolved = _Resolved(decision.event_id, id_key, decision.event_time, label.label, label.time_ms, served.user, *label[3:])
            if not sent:
                resolved.features, resolved.event = served.features, served.event
            sent.append(Sent("labels-resolved", f"{kind}{ENTITY_SEPARATOR}{id}".encode(), msgspec.json.encode(resolved)))
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

    def _min_time_ms(self) -> int:
        release = self._definitions.newest
        return release.schema.min_time_ms if release is not None else MIN_TIME_MS

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


def _place_of(given: Given) -> tuple[str, int]:
    return given[0].place, given[0].offset


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


def read_label(value: bytes, min_time_ms: int = MIN_TIME_MS) -> ReadLabel:
    """The label in the value of a record, with a time from `min_time_ms` up to the year 9999.

    Raises:
        Refusal: the value is no label.
    """
    try:
        read = msgspec.json.decode(value, type=Label)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("bad label", where="label", expected="{event_id, label: 0 or 1, label_time}", got=str(error)) from error
    refuse_repeated_keys(value, _KEYS_LEAST)
    if read.label not in (0, 1):
        raise Refusal("unknown label", where="label", expected="0 or 1", got=read.label)
    event_id = str(read.event_id)
    size = len(event_id.encode())
    if not 0 < size <= EVENT_ID_BYTES_MAX:
        raise Refusal("bad event id", where="event_id", expected=f"1 to {EVENT_ID_BYTES_MAX} bytes", got=f"{size} bytes")
    user = None if read.user is None else str(read.user)
    time_ms = label_time_ms(_moment(read.label_time), min_time_ms)
    return ReadLabel(EventName(event_id, user), read.label, time_ms, read.by, read.source, read.weight)


def _moment(given: int | str) -> int | datetime.datetime:
    if isinstance(given, int):
        return given
    try:
        return msgspec.convert(given, datetime.datetime)
    except msgspec.ValidationError as error:
        raise Refusal("bad time", where="label_time", expected="ms since the epoch, or RFC 3339 with a zone", got=given) from error
