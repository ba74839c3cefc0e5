"""The events that a rule may have looked at, as far as the stored decisions still tell of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from features.expressions.functions.types import Type
from features.schema.event import id_key_of
from features.schema.schema import Schema
from patterns.language.pattern import Pattern
from patterns.rules.explaining.seen_event import SeenEvent, forgotten_event
from patterns.rules.explaining.why import History
from pipeline.engine.decisions.recalled import recalled
from stores.decisions import Decisions, StoredDecision

LOOKED_AT_MAX = 2_000
"""So many newest decisions of a key are looked at for the events that a sequence may have taken."""
_PAGE = 500
_GONE = "the decision on this event is not among the newest of its key, or is kept no more"
_CORRECTED = "the event was corrected since, and the sequence took it as it came first"

Place = tuple[int, int]
"""Time of an event in ms since the epoch, and the key of its id."""


class _Found(NamedTuple):
    """Decisions in the order of their events, and whether they are all that there were."""

    decisions: Sequence[StoredDecision]
    whole: bool


class KeyHistory:
    """Reads what decisions keep of the events of a rule's key.

    Args:
        names: what the rule reads of an event, with types.
        schema: of the release that decided.
        kept_since_ms: decisions on events before this time may be kept no more.
    """

    def __init__(self, decisions: Decisions, pattern: Pattern, names: Mapping[str, Type], schema: Schema, kept_since_ms: int) -> None:
        self._decisions = decisions
        self._pattern = pattern
        self._names = names
        self._schema = schema
        self._kept_since_ms = kept_since_ms

    def up_to(self, explained: StoredDecision, match: Sequence[Place]) -> History:
        """Returns the events of the key up to the explained one, those of its `match` among them, whether they are known or not. Blocks.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        sequence = self._pattern.sequence
        own = self._recalled(explained)
        if sequence is None:
            return History([own])
        kinds = sequence.key.split("+")
        ids = [dict(explained.keys).get(kind, "") for kind in kinds]
        found = self._before(dict(zip(kinds, ids, strict=True)), explained, sequence.within_ms) if all(ids) else _Found([], True)
        before = [self._as_it_came(each) for each in found.decisions]
        gone = self._gone(match, [*before, own])
        events = [*sorted([*before, *gone], key=lambda event: event.time_ms), own]
        return History(events, f"{sequence.key} {' '.join(ids)}", found.whole and not gone, match)

    def _before(self, keys: Mapping[str, str], explained: StoredDecision, within_ms: int) -> _Found:
        """Returns the decisions on the events of a key before the explained one, as far back as the sequence may look."""
        from_ms, last = explained.event_time - within_ms, (explained.event_time, explained.order)
        [(kind, id), *_] = keys.items()
        found: list[StoredDecision] = []
        cursor: str | None = None
        for _ in range(LOOKED_AT_MAX // _PAGE):
            page = self._decisions.of_entity(kind, id, cursor, _PAGE)
            cursor = page.next
            near = [each for each in page.decisions if each.event_time >= from_ms]
            found += (each for each in near if (each.event_time, each.order) < last and dict(each.keys).items() >= keys.items())
            if cursor is None or len(near) < len(page.decisions):
                return self._in_order(found, from_ms >= self._kept_since_ms)
        return self._in_order(found, False)

    def _in_order(self, found: Iterable[StoredDecision], whole: bool) -> _Found:
        return _Found(sorted((each for each in found if not each.retracted), key=lambda each: (each.event_time, each.order)), whole)

    def _gone(self, match: Sequence[Place], known: Iterable[SeenEvent]) -> list[SeenEvent]:
        places = {(event.time_ms, event.id_key) for event in known}
        return [forgotten_event(*place, self._names, _GONE) for place in dict.fromkeys(match) if place not in places]

    def _as_it_came(self, stored: StoredDecision) -> SeenEvent:
        found = self._recalled(stored)
        return found if not stored.revision else found.without_values(_CORRECTED)

    def _recalled(self, stored: StoredDecision) -> SeenEvent:
        id_key = id_key_of(stored.event_id, self._schema.id_type == "integer")
        return recalled(msgspec.json.decode(stored.value), self._names, self._schema, id_key, self._pattern.id)
