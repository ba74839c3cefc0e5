"""Does the steps of verdicts, and takes them back: entries of lists, facts, silences, the end of holds, labels.

Doing a step twice changes nothing more, and so does taking it back twice.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from alerts.holding.hold_steps import ended, held_again, told
from api.decisions.writes import Label
from api.definitions.in_force import InForce
from api.facts.told_facts import ToldFacts
from api.kafka.log import Clock, Log
from api.lists.entries import Entries
from foundation.refusal import Refusal
from patterns.entries import VERDICT, Change, Entry, check_value
from patterns.entry_lists import EntryList
from patterns.list_changes import Steps
from pipeline.engine.fact_record import FactRecord, check_declared, checked
from pipeline.score_job.facts import fact_key
from stores.casework.alerts import AlertEvent, Alerts, Silence
from stores.casework.holds import Hold, Holds
from stores.casework.verdict_steps import VerdictStep, VerdictSteps
from stores.casework.verdicts import Verdict
from stores.casework.webhooks import Webhooks
from stores.effects import effect_id

EVENTS_AT_ONCE = 500
_encode = msgspec.json.Encoder().encode


class CaseEvents(Protocol):
    """Gives the events of cases, as `stores.casework.cases.Cases` does."""

    def events_of(self, id: str, after: tuple[int, str, str] | None, limit: int, until_ms: int | None = None) -> list[AlertEvent]: ...


class StepStores(NamedTuple):
    """Holds what steps change and read."""

    steps: VerdictSteps
    cases: CaseEvents
    holds: Holds
    webhooks: Webhooks
    alerts: Alerts


class StepDoing:
    """Does steps, one at a time. Only the event loop may use it; stores are asked in threads.

    Args:
        topics: the full names of the topics of labels and facts.
        clock: seconds since the epoch.

    Raises:
        StoreUnavailableError, LogUnavailableError, Problem: `do` and `take_back`; it cannot be done now, and has to be tried again.
        Refusal: `do`; it can never be done.
    """

    def __init__(
        self, stores: StepStores, log: Log, topics: Mapping[str, str], entries: Entries, facts: ToldFacts, in_force: InForce, clock: Clock
    ) -> None:
        self._stores = stores
        self._log = log
        self._topics = topics
        self._entries = entries
        self._facts = facts
        self._in_force = in_force
        self._clock = clock

    async def do(self, verdict: Verdict, step: VerdictStep) -> str:
        """Does a step, and returns what became of it, in a few words."""
        doing: dict[str, Any] = {"list": self._list, "fact": self._tell, "silence": self._silence, "hold": self._end, "label": self._label}
        outcome: str = await doing[step.what](verdict, step)
        return outcome

    async def take_back(self, verdict: Verdict, step: VerdictStep) -> str:
        """Takes back a step that was done, and returns what became of it. Labels never leave while a verdict can be undone."""
        undoing: dict[str, Any] = {"list": self._unlist, "fact": self._untell, "silence": self._unsilence, "hold": self._hold_again}
        outcome: str = await undoing[step.what](verdict, step) if step.what in undoing else "never done"
        return outcome

    async def _list(self, verdict: Verdict, step: VerdictStep) -> str:
        name, value, expires = str(step.details["list"]), check_value(str(step.details["value"]), "entry"), _ms(step.details["expires"])
        self._require_list(name)
        await self._entries.require_open()
        await self._entries.catch_up()
        own = Entry(name, value, expires, f"verdict {verdict.verdict}: {verdict.reason}"[:250], verdict.by, VERDICT, step.id)
        there = self._entries.lists.get(name).get(value)
        if there is not None and there.id != step.id and there.counts_at(self._entries.event_time_ms()) and _lasts(there, own):
            return "an entry that holds as long is there already"
        if there is None or there.id != step.id:
            await asyncio.to_thread(self._stores.steps.remember, step.id, _encode(there).decode())
            await self._entries.change(name, lambda found: _put(found, own))
        return "listed"

    async def _unlist(self, verdict: Verdict, step: VerdictStep) -> str:
        name, value = str(step.details["list"]), str(step.details["value"])
        await self._entries.require_open()
        before = msgspec.json.decode(step.before or b"null", type=Entry | None)
        await self._entries.change(name, lambda found: _restored(found, step.id, name, value, before))
        return "off the list" if before is None else "the entry from before is back"

    async def _tell(self, verdict: Verdict, step: VerdictStep) -> str:
        given = step.details
        fact = checked(
            FactRecord(
                kind=str(given["kind"]),
                entity=str(given["entity"]),
                name=str(given["name"]),
                value=given["value"],
                since=verdict.at_ms,
                expires=_ms(given["expires"]),
                written=verdict.at_ms,
                by=verdict.by,
                reason=f"verdict {verdict.verdict}: {verdict.reason}"[:500],
                record=f"verdict:{step.id}",
            )
        )
        check_declared(self._in_force.require()[0].schema, fact)
        self._facts.require_room(fact.kind, fact.entity, fact.name)
        there = self._known(fact)
        if there is None or there.record != fact.record:
            await asyncio.to_thread(self._stores.steps.remember, step.id, _encode(there).decode())
        await self._write(fact)
        return "told"

    async def _untell(self, verdict: Verdict, step: VerdictStep) -> str:
        own = FactRecord(kind=str(step.details["kind"]), entity=str(step.details["entity"]), name=str(step.details["name"]), since=0)
        there = self._known(own)
        if there is None or there.record != f"verdict:{step.id}":
            return "somebody has said something else since"
        at_ms, before = verdict.undone_ms or self._now_ms(), msgspec.json.decode(step.before or b"null", type=FactRecord | None)
        if before is None or (before.expires is not None and before.expires <= at_ms):
            ends = {"since": verdict.at_ms, "written": at_ms, "record": f"undone:{step.id}", "by": verdict.by, "reason": "verdict undone"}
            await self._write(msgspec.structs.replace(own, op="delete", **ends))
            return "ended"
        await self._write(msgspec.structs.replace(before, since=verdict.at_ms, written=at_ms))
        return "what was said before holds again"

    async def _silence(self, verdict: Verdict, step: VerdictStep) -> str:
        matchers, until_ms = {str(step.details["kind"]): str(step.details["value"])}, _ms(step.details["until"]) or verdict.at_ms
        comment = f"verdict {verdict.verdict}: {verdict.reason}"
        await asyncio.to_thread(self._stores.alerts.silence, Silence(step.id, matchers, verdict.at_ms, until_ms, verdict.by, comment))
        return "silenced"

    async def _unsilence(self, verdict: Verdict, step: VerdictStep) -> str:
        matchers, until_ms = {str(step.details["kind"]): str(step.details["value"])}, verdict.undone_ms or self._now_ms()
        silence = Silence(step.id, matchers, verdict.at_ms, until_ms, verdict.by, "verdict undone")
        await asyncio.to_thread(self._stores.alerts.silence, silence)
        return "no longer silenced"

    async def _end(self, verdict: Verdict, step: VerdictStep) -> str:
        now_ms, how, reason = self._now_ms(), str(step.details["how"]), _reason_of(verdict)
        count = 0
        async for hold in self._holds_of(verdict):
            if hold.state == "held":
                count += await self._change(ended(hold, how, verdict.by, reason, now_ms), now_ms)
        return f"{count} payments: {how}"

    async def _hold_again(self, verdict: Verdict, step: VerdictStep) -> str:
        count = 0
        async for hold in self._holds_of(verdict):
            if hold.state in ("released", "declined") and hold.reason == _reason_of(verdict):
                count += await self._change(held_again(hold, verdict.by, f"verdict {verdict.id} undone"), self._now_ms())
        return f"{count} payments are held again"

    async def _label(self, verdict: Verdict, step: VerdictStep) -> str:
        label, source, weight = int(step.details["label"] or 0), str(step.details["source"]), float(step.details["weight"] or 1.0)
        count = 0
        async for events in self._events_of(verdict):
            own = ((id, Label(id, label, verdict.at_ms, user, verdict.by, source, weight)) for _, user, id in events)
            await self._log.deliver_all(self._topics["labels"], [(id, _encode(one)) for id, one in own])
            count += len(events)
        return f"{count} events labelled {label}"

    async def _holds_of(self, verdict: Verdict) -> AsyncIterator[Hold]:
        async for events in self._events_of(verdict):
            for hold in (await asyncio.to_thread(self._stores.holds.of_events, [key for key, _, _ in events])).values():
                yield hold

    async def _events_of(self, verdict: Verdict) -> AsyncIterator[Sequence[tuple[str, str, str]]]:
        """Key, user and id of the verdict's events, by pages; an event that stands in several alerts comes once a page at most."""
        if verdict.event_id:
            yield [(effect_id(verdict.user, verdict.event_id), verdict.user, verdict.event_id)]
            return
        after: tuple[int, str, str] | None = None
        while True:
            page = await asyncio.to_thread(self._stores.cases.events_of, verdict.case_id, after, EVENTS_AT_ONCE, verdict.at_ms)
            yield list(dict.fromkeys((event.key, event.user, event.event_id) for event in page))
            if len(page) < EVENTS_AT_ONCE:
                return
            after = (page[-1].event_time_ms, page[-1].key, page[-1].name)

    async def _change(self, hold: Hold, now_ms: int) -> int:
        receivers = await asyncio.to_thread(self._stores.webhooks.all)
        return len(await asyncio.to_thread(self._stores.holds.change, [told(hold, receivers, now_ms)]))

    async def _write(self, fact: FactRecord) -> None:
        key, value = fact_key(fact.kind, fact.entity, fact.name).decode(), _encode(fact)
        await self._log.deliver(self._topics["facts"], key, value)
        self._facts.take([(key, value)])

    def _known(self, fact: FactRecord) -> FactRecord | None:
        return next((one for one in self._facts.of(fact.kind, fact.entity) if one.name == fact.name), None)

    def _require_list(self, name: str) -> None:
        release, _ = self._in_force.require()
        if name not in release.lists:
            raise Refusal("no such list", where=f"list {name}", expected="a list of the release in force", got=name)

    def _now_ms(self) -> int:
        return int(self._clock() * 1_000)


def _reason_of(verdict: Verdict) -> str:
    return f"verdict {verdict.id}: {verdict.verdict}"


def _ms(given: object) -> int | None:
    return int(given) if isinstance(given, int | float) else None


def _lasts(there: Entry, own: Entry) -> bool:
    """Tells whether an entry that is there holds at least as long as another one."""
    return there.expires is None or (own.expires is not None and there.expires >= own.expires)


def _put(found: EntryList, own: Entry) -> Steps:
    there = found.get(own.value)
    yield None if there is not None and there.id == own.id else Change(own.list, own.value, own)


def _restored(found: EntryList, id: str, name: str, value: str, before: Entry | None) -> Steps:
    there = found.get(value)
    yield Change(name, value, before) if there is not None and there.id == id else None
