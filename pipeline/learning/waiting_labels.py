"""Labels wait here until their events are decided, so that they do not hold up other labels."""

import heapq
import itertools
from collections import OrderedDict
from typing import Any, TypeVar

import msgspec

from pipeline.learning.label_record import LabelRecord, ReadLabel
from stores.decisions import EventName

RETRY_MS_MIN = 1_000
RETRY_MS_MAX = 60_000

Given = tuple[LabelRecord, ReadLabel]
Key = TypeVar("Key")


class _Waiting(msgspec.Struct):
    """The labels of one event in the order of their topic, and when the event is looked for again."""

    labels: list[Given]
    since_ms: int
    retry_ms: int
    pause_ms: int


class WaitingLabels:
    """Holds the labels that wait, by event; each event is looked for again after 1 s, 2 s, 4 s and so on, up to one minute."""

    def __init__(self) -> None:
        self._events: dict[EventName, _Waiting] = {}
        self._due: list[tuple[int, int, EventName]] = []
        self._numbers = itertools.count()
        self._of_caller: dict[str, OrderedDict[tuple[str, int], EventName]] = {}
        self._at_place: dict[str, OrderedDict[int, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, record: LabelRecord, label: ReadLabel, now_ms: int) -> None:
        """Adds a label whose event was looked for and is not decided yet; labels of a partition are added in the order of offsets."""
        waiting = self._events.get(label.event)
        if waiting is None:
            waiting = self._events[label.event] = _Waiting([], now_ms, 0, RETRY_MS_MIN)
            self._schedule(label.event, waiting, now_ms, RETRY_MS_MIN)
        waiting.labels.append((record, label))
        self._of_caller.setdefault(label.by, OrderedDict())[record.place, record.offset] = label.event
        self._at_place.setdefault(record.place, OrderedDict())[record.offset] = None
        self._count += 1

    def pop(self, event: EventName) -> list[Given]:
        """Removes the labels of an event and returns them; returns an empty list if none waits."""
        waiting = self._events.pop(event, None)
        for given in waiting.labels if waiting else ():
            self._drop(given)
        return waiting.labels if waiting else []

    def pop_oldest_of(self, caller: str) -> Given:
        """Removes the label of `caller` that has waited longest, and returns it."""
        place, event = next(iter(self._of_caller[caller].items()))
        waiting = self._events[event]
        at = next(at for at, (record, _) in enumerate(waiting.labels) if (record.place, record.offset) == place)
        given = waiting.labels.pop(at)
        self._drop(given)
        if not waiting.labels:
            del self._events[event]
        return given

    def pop_place(self, place: str) -> None:
        """Removes the labels of the partition `place`, a ``topic/partition``."""
        for event, waiting in list(self._events.items()):
            for given in [given for given in waiting.labels if given[0].place == place]:
                waiting.labels.remove(given)
                self._drop(given)
            if not waiting.labels:
                del self._events[event]

    def count_of(self, caller: str) -> int:
        """How many labels of `caller` wait."""
        return len(self._of_caller.get(caller, ()))

    def busiest(self) -> str:
        """Gives the caller that has the most labels waiting."""
        return max(self._of_caller, key=self.count_of)

    def oldest(self, place: str, count: int) -> tuple[int, ...]:
        """Gives the offsets of the first labels, at most `count`, that wait of the partition `place`, a ``topic/partition``."""
        return tuple(itertools.islice(self._at_place.get(place, ()), count))

    def due(self, now_ms: int, count: int) -> list[EventName]:
        """Gives up to `count` events that are due, the longest due first; the caller has to pop or postpone each of them."""
        found: list[EventName] = []
        while self._due and self._due[0][0] <= now_ms and len(found) < count:
            retry_ms, _, event = heapq.heappop(self._due)
            waiting = self._events.get(event)
            if waiting is not None and waiting.retry_ms == retry_ms:
                found.append(event)
        return found

    def waited_ms(self, event: EventName, now_ms: int) -> int:
        """How long the first label of an event has waited."""
        return now_ms - self._events[event].since_ms

    def postpone(self, event: EventName, now_ms: int) -> None:
        """Schedules the next look-up of an event after twice the last pause, at most `RETRY_MS_MAX`."""
        waiting = self._events[event]
        waiting.pause_ms = min(2 * waiting.pause_ms, RETRY_MS_MAX)
        self._schedule(event, waiting, now_ms, waiting.pause_ms)

    def try_soon(self, event: EventName, now_ms: int) -> None:
        """Schedules the next look-up of an event in `RETRY_MS_MIN`, since this one had no answer; the pause does not grow."""
        self._schedule(event, self._events[event], now_ms, RETRY_MS_MIN)

    def wait_anew(self, now_ms: int) -> None:
        """Restarts the wait of all labels, and schedules the look-up of their events in `RETRY_MS_MIN`."""
        for event, waiting in self._events.items():
            waiting.since_ms, waiting.pause_ms = now_ms, RETRY_MS_MIN
            self._schedule(event, waiting, now_ms, RETRY_MS_MIN)

    def _schedule(self, event: EventName, waiting: _Waiting, now_ms: int, pause_ms: int) -> None:
        waiting.retry_ms = now_ms + pause_ms
        heapq.heappush(self._due, (waiting.retry_ms, next(self._numbers), event))

    def _drop(self, given: Given) -> None:
        record, label = given
        _remove(self._of_caller, label.by, (record.place, record.offset))
        _remove(self._at_place, record.place, record.offset)
        self._count -= 1


def _remove(index: dict[str, OrderedDict[Key, Any]], name: str, key: Key) -> None:
    del index[name][key]
    if not index[name]:
        del index[name]
