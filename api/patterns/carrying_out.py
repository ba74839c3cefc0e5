"""Carries out what matches of rules want: entries on lists, and the end of a rule that exceeded its budget.

The effects job decides what is wanted and notes it in the store. A process of the API does it, because it changes lists and releases for
people too: one path for both. Each wish has an id, so that doing it twice changes nothing.
"""

import asyncio
import functools
import logging
from collections.abc import Mapping, Sequence

from api.definitions.in_force import InForce
from api.definitions.publisher import Definitions
from api.http.looking import work_when_due
from api.kafka.log import Clock
from api.lists.entries import Entries
from api.patterns.changes import with_standing
from api.patterns.rules_in_force import standings_in
from api.trials.change import Changes
from foundation.refusal import Refusal
from patterns.entries import RULE, Change, Entry
from patterns.entry_lists import EntryList
from patterns.lifecycle.moves import acts, moved
from patterns.list_changes import Steps
from patterns.rules.live_rule import VERSION_CHARACTERS
from stores.audit import Audit, Fact
from stores.effects import Effects, EntryState, Trip, WantedEntry
from stores.looking import CommitNumber, unknown

log = logging.getLogger(__name__)

ENTRIES_AT_ONCE = 1_000
LEASE_MS = 60_000
BUDGET = "budget"
"""The author of what a budget does, in the registry and in the audit log."""
_VERBS = {"shadow": "shadow", "paused": "pause"}


class CarryingOut:
    """Does what the store of effects says. Only the event loop may use it; the store is asked in threads.

    Args:
        name: of this process among those of the API.
        clock: seconds since the epoch.
        commits: the number of commits to the store of effects.
    """

    def __init__(
        self,
        effects: Effects,
        entries: Entries,
        definitions: Definitions,
        in_force: InForce,
        audit: Audit,
        name: str,
        clock: Clock,
        commits: CommitNumber = unknown,
    ) -> None:
        self._effects = effects
        self._entries = entries
        self._definitions = definitions
        self._in_force = in_force
        self._audit = audit
        self._name = name
        self._clock = clock
        self._commits = commits
        self._intents: dict[str, int] = {}

    async def run(self) -> None:
        """Runs for as long as the process lives. A change of a release is tried for a while, during which no entry waits."""
        again = functools.partial(work_when_due, number=self._commits, what="effects of rules")
        await asyncio.gather(*(again(step) for step in (self.make_entries, self.end_rules)))

    async def make_entries(self) -> bool:
        """Makes and removes entries; returns whether there may be more to do.

        Raises:
            StoreUnavailableError, LogUnavailableError, Problem: it cannot be done now.
        """
        if self._in_force.release is None or not self._entries.is_open:
            return False
        wanted = await asyncio.to_thread(self._effects.open_entries, ENTRIES_AT_ONCE)
        for name in dict.fromkeys(entry.list for entry in wanted):
            await self._list(name, [entry for entry in wanted if entry.list == name])
        return len(wanted) == ENTRIES_AT_ONCE

    async def end_rules(self) -> bool:
        """Moves a rule that exceeded its budget, as a person would; returns whether there was one.

        Raises:
            StoreUnavailableError, LogUnavailableError, Problem, Refusal: it cannot be done now.
        """
        if self._in_force.release is None:
            return False
        now_ms = self._now_ms()
        trip = await asyncio.to_thread(self._effects.take_trip, self._name, now_ms, now_ms + LEASE_MS)
        if trip is None:
            return False
        action = f"budget of {trip.pattern}"
        if trip.id not in self._intents:
            subject = f"more than {trip.matches} matches within {trip.per_ms / 1000:g} s, the last at {trip.event_time}: to {trip.then}"
            intent = Fact(now_ms, BUDGET, (), action, "intent", subject=subject)
            self._intents[trip.id] = (await asyncio.to_thread(self._audit.append, intent)).number
        said: list[str] = []
        published = await self._definitions.edit(lambda texts: with_trip(texts, trip, said), BUDGET)
        outcome = f"release {published.release}: {said[0]}"
        log.warning("the rule %s matched more than its budget allows; %s", trip.pattern, outcome)
        fact = Fact(self._now_ms(), BUDGET, (), action, "outcome", self._intents.pop(trip.id), 200, outcome)
        await asyncio.to_thread(self._audit.append, fact)
        await asyncio.to_thread(self._effects.close_trip, trip.id, published.release, said[0])
        return True

    async def _list(self, name: str, wanted: Sequence[WantedEntry]) -> None:
        """Makes or removes entries of one list."""
        states: dict[str, EntryState] = {}
        taken_back = {entry.value for entry in wanted if entry.state == "unwanted"}
        others = {value: await asyncio.to_thread(self._effects.entries_of, name, value) for value in taken_back}
        release = self._in_force.release
        try:
            if release is None or name not in release.lists:
                raise Refusal("no such list", where=f"list {name}", expected="a list of the release in force", got=name)
            await self._entries.change(name, lambda found: listed(found, wanted, others, self._entries.event_time_ms(), states))
        except Refusal as refusal:
            log.warning("%d entries that matches of rules want are not made: %s", len(wanted), refusal)
            states = {entry.id: "withdrawn" if entry.state == "unwanted" else "refused" for entry in wanted}
        await asyncio.to_thread(self._effects.entries_done, states)

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def with_trip(texts: Mapping[str, str], trip: Trip, said: list[str]) -> Changes:
    """The change by which a rule that exceeded its budget gets the status that the budget names; none where it no longer acts.

    Args:
        said: gets what becomes of the rule, in a few words.
    """
    standing = standings_in(texts).get(trip.pattern)
    if standing is None or not acts(standing):
        said.append(f"the rule {trip.pattern} acts no longer")
        return {}
    if standing.hash[:VERSION_CHARACTERS] != trip.version:
        said.append(f"the rule {trip.pattern} has another text now")
        return {}
    said.append(f"rule {trip.pattern} by its budget: {standing.status} to {trip.then}, {trip.version}")
    return with_standing(texts, trip.pattern, moved(trip.pattern, standing, _VERBS[trip.then]))


def listed(
    found: EntryList,
    wanted: Sequence[WantedEntry],
    others: Mapping[str, Sequence[WantedEntry]],
    now_ms: int,
    states: dict[str, EntryState],
) -> Steps:
    """Yields the changes by which `found` gets the entries that matches want, and loses those that they want no longer.

    Of several entries for one value the one that holds longest stands, whoever made it. So a match shortens nobody's entry, and where one
    is taken back, the next one that a match wanted takes its place.

    Args:
        others: by value, what else matches want for the values of entries that are wanted no longer.
        now_ms: event time; an entry that has expired before counts for nothing.
        states: gets what becomes of each, by id.
    """
    now: dict[str, Entry | None] = {}
    for entry in wanted:
        there = now[entry.value] if entry.value in now else found.get(entry.value)
        if entry.state == "unwanted":
            states[entry.id] = "withdrawn"
            if there is None or there.id != entry.id:
                yield None
                continue
            left = [each for each in others.get(entry.value, ()) if each.expires is None or each.expires > now_ms]
            best = max(left, key=_end_of, default=None)
            now[entry.value] = None if best is None else _entry_of(best)
        else:
            holds = there is not None and there.counts_at(now_ms) and _end_of(there) >= _end_of(entry)
            states[entry.id] = "covered" if holds and there is not None and there.id != entry.id else "made"
            if holds:
                yield None
                continue
            now[entry.value] = _entry_of(entry)
        yield Change(entry.list, entry.value, now[entry.value])


def _end_of(entry: Entry | WantedEntry) -> float:
    return float("inf") if entry.expires is None else entry.expires


def _entry_of(wanted: WantedEntry) -> Entry:
    by = f"rule {wanted.pattern} {wanted.version}"
    return Entry(wanted.list, wanted.value, wanted.expires, wanted.reason, by, RULE, wanted.id)
