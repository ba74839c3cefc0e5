"""Labels are joined here with the decisions as served; this is the work of the label job without Kafka."""

import logging
from collections.abc import Callable
from itertools import chain

from foundation.refusal import Refusal
from pipeline.control.definitions import Definitions
from pipeline.engine.isolation import NOBODYS_FAULT, fault_of
from pipeline.engine.label_times import early_label
from pipeline.learning.label_progress import WAITING_TOLD_MAX, LabelProgress
from pipeline.learning.label_record import LabelRecord, ReadLabel
from pipeline.learning.read_label import read_label
from pipeline.learning.resolved_records import ResolvedRecords, Sent
from pipeline.learning.waiting_labels import Given, WaitingLabels
from pipeline.score_job.dead_letter import dead_letter
from stores.decisions import Decisions, EventName, StoredDecision

log = logging.getLogger(__name__)

WAITING_MAX = 100_000
WAITING_OF_CALLER_MAX = 20_000
RETRIED_AT_ONCE = 4_000


class LabelResolver:
    """Takes labels, returns resolved labels and dead letters, and knows how far the labels topic is done.

    A label whose decision is not in the store yet waits up to `wait_ms`, then it becomes a dead letter. The wait begins anew when the
    process starts, and when a store answers again after an outage, because the decisions of the outage reach the store only then.
    Labels of one event stay in order. Labels that wait hold up no others. If more wait than one caller may have, or than all callers may
    have, the oldest one becomes a dead letter, which can be redriven. While the store does not answer, no label becomes a dead letter, and
    `full` says when no more labels should be read.

    Args:
        decisions: the store that the decisions are looked up in.
        definitions: tell how event ids become keys.
        wait_ms: how long a label may wait for its decision.
        now_ms: gives the ms of a monotonic clock; a clock that is set back would make labels wait too long.
        waiting_max, of_caller_max: the greatest number of labels that may wait, in all and of one caller.
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
        self._records = ResolvedRecords(definitions)
        self._wait_ms = wait_ms
        self._now_ms = now_ms
        self._waiting_max = waiting_max
        self._of_caller_max = of_caller_max
        self._waiting = WaitingLabels()
        self._next: dict[str, int] = {}
        self._resumed: dict[str, LabelProgress] = {}
        self._store_is_away = False

    @property
    def full(self) -> bool:
        """Whether no more labels should be read, because `waiting_max` or more wait for a store that does not answer."""
        return self._store_is_away and len(self._waiting) >= self._waiting_max

    @property
    def waiting(self) -> int:
        """The number of labels that wait."""
        return len(self._waiting)

    def take(self, records: list[LabelRecord]) -> list[Sent]:
        """Takes in a batch of records, and returns the records that can be written now."""
        sent: list[Sent] = []
        taken: dict[EventName, list[Given]] = {}
        for record in records:
            self._next[record.place] = record.offset + 1
            if self._is_done(record):
                continue
            try:
                label = self._read(record.value)
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
        """Looks again for decisions that are due, at most `RETRIED_AT_ONCE`, and returns the records that can be written now.

        It is to be called after each batch.
        """
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

    def resume(self, place: str, progress: LabelProgress) -> None:
        """Goes on with a partition, before its first record is taken in: labels that were done by then are passed over."""
        self._resumed[place] = progress

    def done(self) -> dict[str, LabelProgress]:
        """How far each partition is done, once all returned records are written."""
        return {place: self._progress(place, end) for place, end in self._next.items()}

    def forget(self, places: list[str]) -> None:
        """Forgets partitions that another process reads from now on; that process reads again the labels that wait here."""
        for place in places:
            self._next.pop(place, None)
            self._resumed.pop(place, None)
            self._waiting.pop_place(place)

    def _is_done(self, record: LabelRecord) -> bool:
        resumed = self._resumed.get(record.place)
        if resumed is None:
            return False
        if not resumed.offset <= record.offset < resumed.end:  # before it, where the topic was made anew
            del self._resumed[record.place]
            return False
        return resumed.is_done(record.offset)

    def _progress(self, place: str, end: int) -> LabelProgress:
        waiting = self._waiting.oldest(place, WAITING_TOLD_MAX + 1)
        if (resumed := self._resumed.get(place)) is not None and end < resumed.end:
            waiting += tuple(offset for offset in resumed.waiting if offset >= end)
            end = resumed.end
        if len(waiting) > WAITING_TOLD_MAX:
            return LabelProgress(waiting[WAITING_TOLD_MAX], waiting[:WAITING_TOLD_MAX])
        return LabelProgress(end, waiting)

    def _found(self, events: list[EventName], now_ms: int) -> dict[EventName, list[StoredDecision]]:
        """Looks up the decisions on `events`; finds none while the store does not answer."""
        try:
            found = self._decisions.get_many(events) if events else {}
        except Exception as error:  # each store has errors of its own; the labels wait, and none is given up meanwhile
            log.warning("the store of decisions does not answer; %d labels wait: %s", len(self._waiting), error)
            self._store_is_away = True
            return {}
        if events and self._store_is_away:
            self._store_is_away = False
            self._waiting.wait_anew(now_ms)
        return found

    def _beyond_bounds(self, taken: dict[EventName, list[Given]]) -> list[Sent]:
        """Makes dead letters of the oldest labels of callers that have too many; the decisions on all of these were looked for."""
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
            got=f"one label more; the oldest label of {caller or 'unnamed callers'} is on event {label.event.event_id}",
            remedy="redrive this label once the event is decided",
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
            records = self._records.of(decision, label)
        except NOBODYS_FAULT:
            raise
        except Exception as error:  # the topic of decisions may hold anything that somebody else wrote to it
            return [self._dead(record, fault_of(error, "label job"))]
        self.resolved += 1
        return records

    def _read(self, value: bytes) -> ReadLabel:
        release = self._definitions.newest
        return read_label(value, release.schema.min_time_ms, release.schema.label_sources) if release is not None else read_label(value)

    def _unknown(self, event: EventName) -> Refusal:
        return Refusal(
            "no decision for this label",
            where="event_id",
            expected=f"an event that was decided at the latest {self._wait_ms / 1000:g} s after its label came",
            got=event.event_id if event.user is None else f"{event.event_id} of user {event.user}",
            remedy="redrive this label once the event is decided",
        )

    def _dead(self, record: LabelRecord, refusal: Refusal) -> Sent:
        self.refused += 1
        topic, _, partition = record.place.rpartition("/")
        letter = dead_letter(refusal, record.value, int(partition), record.offset, record.at_ms, topic=topic)
        return Sent("dead-letters", f"{record.place}:{record.offset}".encode(), letter)


def _place_of(given: Given) -> tuple[str, int]:
    return given[0].place, given[0].offset


def of_several_users(event_id: str, decisions: list[StoredDecision]) -> Refusal:
    """Makes the refusal of an event id without a primary entity that stands for events of several primary entities."""
    return Refusal(
        "several users have an event with this id",
        where="user",
        expected="the user whose event is meant, one of " + ", ".join(decision.user for decision in decisions),
        got=f"event {event_id} without a user",
        remedy="name the user beside the id",
    )


def _retracted(event_id: str) -> Refusal:
    expected = "an event that was not retracted, since a retracted event counts in no feature and trains no model"
    return Refusal("label of a retracted event", where="event_id", expected=expected, got=event_id)
