"""What every route of cases goes through: it finds cases that the caller may see, changes them, and shows them."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
from fastapi import Request

from alerts.cases.case_life import CaseConflictError, StaleCaseError, require_seen
from alerts.cases.case_policy import CasePolicy
from api.auth.permissions import Caller
from api.auth.request_context import caller_of
from api.cases.case_shapes import ShownCase, ShownCaseEntry
from api.cases.shown_case import shown_case, shown_entry
from api.definitions.in_force import InForce
from api.http.etag import etag_of
from api.http.problem import Answer, Problem, json_answer
from api.http.tagged_answer import tagged
from api.kafka.log import Clock
from foundation.time_ids import UUID7
from stores.casework.alerts import Alerts
from stores.casework.case import Case, CaseChange
from stores.casework.cases import Cases, OpenCaseError, SettledVerdictError, Undoing
from stores.casework.holds import Holds
from stores.casework.inboxes import Inbox, Inboxes
from stores.casework.verdicts import Verdict, Verdicts

Found = TypeVar("Found")
DAY_MS = 86_400_000
CHANGES_MAX = 50


class CaseStores(msgspec.Struct, frozen=True):
    """Is what the routes of cases need."""

    cases: Cases
    verdicts: Verdicts
    inboxes: Inboxes
    alerts: Alerts
    holds: Holds


class CaseDoor:
    """Finds, changes and shows cases for callers.

    Args:
        stores: of cases.
        in_force: the release, whose cases.yaml holds.
        clock: seconds since the epoch.
    """

    def __init__(self, stores: CaseStores, in_force: InForce, clock: Clock) -> None:
        self.stores = stores
        self._in_force = in_force
        self._clock = clock

    def now_ms(self) -> int:
        """The clock, ms since the epoch."""
        return int(self._clock() * 1_000)

    def policy(self) -> CasePolicy:
        """What cases.yaml says now.

        Raises:
            Problem: 503, no release is in force yet.
        """
        return self._in_force.require()[0].cases

    async def hidden(self, request: Request) -> list[str]:
        """The inboxes whose cases the caller may not see."""
        return await asyncio.to_thread(self._hidden, caller_of(request))

    def _hidden(self, caller: Caller) -> list[str]:
        return [inbox.name for inbox in self.stores.inboxes.all() if not may_see(caller, inbox)]

    async def require(self, request: Request, id: str) -> Case:
        """The case `id`.

        Raises:
            Problem: 404, there is none, or it is in an inbox that the caller may not see.
        """
        found = await asyncio.to_thread(self._visible, caller_of(request), id) if UUID7.fullmatch(id) else None
        if found is None:
            raise _unknown(id)
        return found

    def _visible(self, caller: Caller, id: str) -> Case | None:
        found = self.stores.cases.get(id)
        return None if found is None or found.inbox in self._hidden(caller) else found

    async def change(self, request: Request, id: str, if_match: str | None, decide: Callable[[Case], CaseChange]) -> Case:
        """Changes a case that the caller may see, and returns it as it is then.

        Args:
            if_match: the header of the request.
            decide: says what becomes of it; see `alerts.cases.case_life`.

        Raises:
            Problem: 404, there is none; 409, it cannot be changed so; 412, somebody changed it since the caller has seen it.
        """
        check = await self._check(request, id, if_match)

        def checked(case: Case) -> CaseChange:
            check(case)
            return decide(case)

        changed = await self.conflicts(self.stores.cases.change, id, checked)
        if changed is None:
            raise _unknown(id)
        return changed

    async def undo(self, request: Request, id: str, verdict: str, if_match: str | None, decide: Undoing) -> Case:
        """Takes a verdict of a case back; see `change`.

        Raises:
            Problem: as for `change`; 409, too, where the verdict was undone before.
        """
        check = await self._check(request, id, if_match)

        def checked(case: Case, undone: Verdict, others: Sequence[Verdict]) -> CaseChange:
            check(case)
            return decide(case, undone, others)

        changed = await self.conflicts(self.stores.cases.undo, id, verdict, checked)
        if changed is None:
            raise Problem(409, "the verdict was undone before")
        return changed

    async def _check(self, request: Request, id: str, if_match: str | None) -> Callable[[Case], None]:
        """What looks within the transaction whether the caller may change a case, and has seen the version that it has."""
        await self.require(request, id)
        hidden, seen = await self.hidden(request), seen_of(if_match)

        def check(case: Case) -> None:
            if case.inbox in hidden:
                raise _unknown(id)
            require_seen(case, seen)

        return check

    async def conflicts(self, call: Callable[..., Found], *given: Any) -> Found:
        """Makes a call in a thread, and answers what stands against a change.

        Raises:
            Problem: see `change`.
        """
        try:
            return await asyncio.to_thread(call, *given)
        except StaleCaseError as stale:
            raise await self._stale(stale) from None
        except CaseConflictError as conflict:
            raise Problem(409, str(conflict)) from None
        except OpenCaseError as error:
            raise Problem(409, "there is an open case of this typology about the entity already") from error
        except SettledVerdictError:
            raise Problem(409, "the verdict can no longer be undone: its labels have left") from None

    async def shown(self, cases: Sequence[Case]) -> list[ShownCase]:
        """Cases as callers see them."""
        now_ms, policy = self.now_ms(), self.policy()
        cuts = await asyncio.to_thread(self._cuts, {case.inbox for case in cases}, policy, now_ms)
        return [shown_case(case, now_ms, cuts.get(case.inbox)) for case in cases]

    async def answer(self, status: int, case: Case, if_none_match: str | None = None) -> Answer:
        """A case as an answer, with its ETag."""
        [shown] = await self.shown([case])
        return tagged(json_answer(status, shown), tag_of(case), if_none_match)

    def _cuts(self, inboxes: set[str], policy: CasePolicy, now_ms: int) -> dict[str, float]:
        """By inbox the priority of the last case that can be decided today; infinity where none can."""
        capacities = {name: found.capacity for name in inboxes if (found := policy.inbox(name)) is not None and found.capacity is not None}
        if not capacities:
            return {}
        decided = self.stores.cases.decided_since(now_ms - now_ms % DAY_MS)
        left = {name: capacity - decided.get(name, 0) for name, capacity in capacities.items()}
        return {name: self._priority_at(name, count) for name, count in left.items()}

    def _priority_at(self, inbox: str, count: int) -> float:
        if count <= 0:
            return float("inf")
        last = self.stores.cases.priority_at(inbox, count - 1)
        return float("-inf") if last is None else last

    async def _stale(self, stale: StaleCaseError) -> Problem:
        """Says what was changed since the caller has seen the case."""
        entries = await asyncio.to_thread(self.stores.cases.entries_behind, stale.case.id, max(stale.seen, 0), CHANGES_MAX)
        changes: list[ShownCaseEntry] = [shown_entry(entry) for entry in entries]
        words = ", ".join(f"{entry.what} by {entry.by or 'the system'}" for entry in changes[:5]) or "other changes"
        text = f"the case is at version {stale.case.version}, which is not the one that you have seen: {words}"
        members = {"version": stale.case.version, "changes": msgspec.to_builtins(changes)}
        return Problem(412, text, [(b"etag", etag_of(tag_of(stale.case)).encode())], members)


def may_see(caller: Caller, inbox: Inbox) -> bool:
    """Whether the caller may see the cases of an inbox of which it is said who may."""
    return "admin" in caller.roles or caller.name in inbox.members or any(role in inbox.roles for role in caller.roles)


def tag_of(case: Case) -> str:
    """The entity tag of a case: its version, and how often alerts changed it. A change has to have seen the version alone."""
    return f"{case.version}.{case.growth}"


def seen_of(if_match: str | None) -> int | None:
    """The version that a caller has seen, by the header ``If-Match``; None where it does not say, and -1 for no version that there is."""
    if if_match is None or if_match.strip() == "*":
        return None
    version = if_match.strip().removeprefix("W/").strip('"').partition(".")[0]
    return int(version) if version.isascii() and version.isdigit() and len(version) < 19 else -1


def _unknown(id: str) -> Problem:
    return Problem(404, f"there is no case {id[:80]}")
