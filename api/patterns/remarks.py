"""Says of uploaded rules what they cost, and what their authors may not have meant: asking for what traffic never had, for instance."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping

from api.definitions.in_force import InForce
from api.http.problem import Problem
from api.kafka.log import Clock
from api.patterns.rule_shapes import RuleRemarks
from patterns.language.cost import STATE_BYTES_MAX, UNITS_MAX
from patterns.language.pattern import Pattern
from patterns.language.rule_folder import extended_by, read_patterns
from patterns.language.scope import Scope, Seen, seen_of
from patterns.language.traffic_warnings import asked_fields, constant_conditions, warnings_of
from patterns.lifecycle.manifest import pattern_texts
from patterns.lists import list_names
from pipeline.engine.definitions.release import Release
from pipeline.sinks.roll_up import OTHER, VALUES_MAX
from stores.metrics.metric_rows import MINUTE_MS
from stores.metrics.metrics import EVENT, MetricAnswer, MetricQuery

Ask = Callable[[MetricQuery, tuple[str, ...]], Awaitable[MetricAnswer]]

DAYS = 90
"""Traffic is what was decided in so many days of event time."""
FIELDS_MAX = 16
"""The number of fields of which it is asked what traffic had, for all rules of an upload together."""
RULES_MAX = 1_000
"""An upload of more rules is answered without remarks: reading so many again would hold up its answer."""


class Remarks:
    """Reads uploaded rules again, in a thread, and asks the store of metrics; neither touches any decision.

    Args:
        ask: answers queries of event metrics; None: nobody knows what traffic had.
        clock: seconds since the epoch.
    """

    def __init__(self, in_force: InForce, ask: Ask | None, clock: Clock) -> None:
        self._in_force = in_force
        self._ask = ask
        self._clock = clock

    async def about(self, ids: Collection[str]) -> dict[str, RuleRemarks]:
        """Returns what is to be said of rules of the release in force, by id; nothing of more than `RULES_MAX`."""
        if len(ids) > RULES_MAX:
            return {}
        release, _ = self._in_force.require()
        patterns = await asyncio.to_thread(_patterns, release, self._in_force.texts, ids)
        seen = await self._seen(release, [*dict.fromkeys(name for each in patterns.values() for name in asked_fields(each))])
        return {id: _remarks(pattern, seen) for id, pattern in patterns.items()}

    async def _seen(self, release: Release, asked: list[str]) -> Seen | None:
        """Returns what traffic had in the fields that metrics are counted by; others may have had anything. None where nobody knows."""
        dimensions = release.schema.dimensions
        counted = [name for name in asked if name in dimensions][:FIELDS_MAX]
        if self._ask is None or not counted:
            return None
        fields = Scope(release.schema, release.features).event_fields
        texts: dict[str, list[str] | None] = dict.fromkeys(fields)
        try:
            for name in counted:
                had = await self._texts_of(self._ask, name, dimensions)
                if had == []:
                    del texts[name]
                else:
                    texts[name] = had
        except Problem:  # the upload is good, whether or not metrics can be asked
            return None
        return seen_of(texts)

    async def _texts_of(self, ask: Ask, name: str, dimensions: tuple[str, ...]) -> list[str] | None:
        """Returns the texts that events had in a field; none where all of them lacked it, None where there was no event, or too many."""
        to_ms = int(self._clock() * 1000) // MINUTE_MS * MINUTE_MS + MINUTE_MS
        from_ms = max(to_ms - DAYS * 1_440 * MINUTE_MS, 0)
        group = EVENT + name
        query = MetricQuery(metric="decisions", from_ms=from_ms, to_ms=to_ms, group_by=(group,), limit=VALUES_MAX + 1)
        answer = await ask(query, dimensions)
        if not 0 < len(answer.groups) <= VALUES_MAX:
            return None
        texts = [each.dimensions[group] for each in answer.groups]
        return None if OTHER in texts else [text for text in texts if text]


def _patterns(release: Release, texts: Mapping[str, str], ids: Collection[str]) -> dict[str, Pattern]:
    rules = pattern_texts(texts)
    wanted = {id: rules[id] for id in ids if id in rules}
    extended = {extended_by(id, text) for id, text in wanted.items()}
    scope = Scope(release.schema, release.features, tuple(model.name for model in release.models), frozenset(list_names(texts)))
    read = read_patterns(wanted | {id: rules[id] for id in extended if id in rules}, scope).patterns
    return {id: read[id] for id in wanted if id in read}


def _remarks(pattern: Pattern, seen: Seen | None) -> RuleRemarks:
    keys = dict.fromkeys(threshold.key for threshold in pattern.adaptive.values())
    if pattern.sequence is not None:
        keys[pattern.sequence.key] = None
    warnings = [*constant_conditions(pattern), *(warnings_of(pattern, seen) if seen is not None else ())]
    return RuleRemarks(pattern.cost.units, UNITS_MAX, pattern.cost.state_bytes, STATE_BYTES_MAX, list(keys), warnings)
