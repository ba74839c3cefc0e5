"""Carries verdicts out: plans what each does, does it when it is due, and takes it back where the verdict was undone.

What was planned stands in the store, so that a process may be killed at any moment. Of several processes one does it, by a lease;
if two did, no step would be done more than once in effect.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

import msgspec

from alerts.verdicts.verdict_effects import VerdictPolicy
from alerts.verdicts.verdict_messages import told_of
from alerts.verdicts.verdict_plan import steps_of
from alerts.webhooks.tenure import Tenure
from api.http.looking import work_when_due
from api.kafka.log import Clock
from api.verdicts.step_doing import StepDoing
from foundation.refusal import Refusal
from stores.audit import Audit, Fact
from stores.casework.verdict_steps import StepState, VerdictStep, VerdictSteps
from stores.casework.verdicts import Verdict, Verdicts
from stores.casework.webhooks import Webhooks
from stores.looking import CommitNumber, unknown

log = logging.getLogger(__name__)

AT_ONCE = 200
OUTCOME_CHARACTERS_MAX = 300

EntitiesOf = Callable[[Verdict], Sequence[tuple[str, str]]]
"""Gives (kind, id) of what the events of a verdict touch; it blocks."""


class CarryingOutVerdicts:
    """Carries verdicts out between `run` and its cancellation. Only the event loop may use it; stores are asked in threads.

    Args:
        policy: gives what verdicts do in the release in force; None while there is no release.
        tenure: of the lease by which one process works.
        clock: seconds since the epoch.
        commits: the number of commits to the store of the steps.
    """

    def __init__(
        self,
        verdicts: Verdicts,
        steps: VerdictSteps,
        doing: StepDoing,
        entities_of: EntitiesOf,
        webhooks: Webhooks,
        policy: Callable[[], VerdictPolicy | None],
        audit: Audit,
        tenure: Tenure,
        clock: Clock,
        commits: CommitNumber = unknown,
    ) -> None:
        self._verdicts = verdicts
        self._steps = steps
        self._doing = doing
        self._entities_of = entities_of
        self._webhooks = webhooks
        self._policy = policy
        self._audit = audit
        self._tenure = tenure
        self._clock = clock
        self._commits = commits
        self._step_at_s = 0.0

    async def run(self) -> None:
        """Runs for as long as the process lives, and does nothing while another process holds the lease."""
        await work_when_due(self.work, self._commits, "verdicts")

    async def work(self) -> bool:
        """Does what is to be done now; returns whether there may be more.

        Raises:
            StoreUnavailableError, LogUnavailableError, Problem: it cannot be done now.
        """
        if not await asyncio.to_thread(self._steps.is_anything_due, self._now_ms()):
            await self._let_go()
            return False
        if not await self._holds_the_lease():
            return False
        counts = [await step() for step in (self.plan, self.take_back, self.do, self.settle)]
        return any(count == AT_ONCE for count in counts)

    async def plan(self) -> int:
        """Plans verdicts that are new, and returns how many."""
        policy = self._policy()
        if policy is None:
            return 0
        found = await asyncio.to_thread(self._steps.unplanned, AT_ONCE)
        receivers = await asyncio.to_thread(self._webhooks.all) if found else ()
        for verdict in found:
            effects = policy.get(verdict.verdict)
            entities = await asyncio.to_thread(self._entities_of, verdict) if effects is not None else ()
            steps = [] if effects is None else steps_of(verdict, effects, entities)
            await asyncio.to_thread(self._steps.plan, verdict.id, steps, told_of(verdict, receivers))
        return len(found)

    async def do(self) -> int:
        """Does steps that are due, and returns how many."""
        found = await asyncio.to_thread(self._steps.due, self._now_ms(), AT_ONCE)
        for step in found:
            verdict = await asyncio.to_thread(self._verdicts.get, step.verdict)
            if verdict is None or verdict.undone_ms is not None or not await self._may_leave(verdict, step):
                continue
            try:
                state, outcome = "done", await self._doing.do(verdict, step)
            except Refusal as refusal:
                log.warning("a step of the verdict %s cannot be done: %s", verdict.id, refusal)
                state, outcome = "failed", str(refusal)
            await self._note(verdict, step, ("wanted",), "failed" if state == "failed" else "done", outcome)
        return len(found)

    async def take_back(self) -> int:
        """Takes back the steps of verdicts that were undone, the last one first, and returns how many verdicts."""
        found = await asyncio.to_thread(self._steps.undone, AT_ONCE)
        receivers = await asyncio.to_thread(self._webhooks.all) if found else ()
        for verdict in found:
            for step in reversed(await asyncio.to_thread(self._steps.of_verdict, verdict.id)):
                if step.state in ("undone", "refused", "failed"):
                    continue
                # A step that is only wanted may have been done by a process that was killed before it could note that.
                outcome = await self._doing.take_back(verdict, step) if step.state in ("done", "wanted") else "never done"
                await self._note(verdict, step, ("done", "wanted", "waiting"), "undone", outcome)
            await asyncio.to_thread(self._steps.settle, verdict.id, told_of(verdict, receivers))
        return len(found)

    async def settle(self) -> int:
        """Notes verdicts of which all is done, and returns how many were looked at; what waits for a second person may follow later."""
        due = await asyncio.to_thread(self._verdicts.uncarried, self._now_ms(), AT_ONCE)
        still_open = await asyncio.to_thread(self._steps.open, [verdict.id for verdict in due]) if due else set()
        done = [verdict for verdict in due if verdict.id not in still_open]
        for verdict in done:
            if await asyncio.to_thread(self._verdicts.mark_carried_out, verdict.id, self._now_ms()):
                await asyncio.to_thread(self._steps.settle, verdict.id)
        return len(done)

    async def _may_leave(self, verdict: Verdict, step: VerdictStep) -> bool:
        """Whether a step may be done. One without an inverse waits until nobody can undo the verdict, whoever is doing so at the moment."""
        is_for_good = step.due_ms >= verdict.effective_at_ms
        return not is_for_good or await asyncio.to_thread(self._verdicts.make_final, verdict.id, self._now_ms())

    async def _note(self, verdict: Verdict, step: VerdictStep, source: Sequence[StepState], state: StepState, outcome: str) -> None:
        """Writes to the audit log what became of a step, and then to the step itself."""
        now_ms, outcome = self._now_ms(), outcome[:OUTCOME_CHARACTERS_MAX]
        subject = f"{step.what}: {step.subject}: {outcome}"[:OUTCOME_CHARACTERS_MAX]
        fact = Fact(
            now_ms, verdict.by, (), f"verdict {verdict.id}: {state}", "outcome", status=409 if state == "failed" else 200, subject=subject
        )
        await asyncio.to_thread(self._audit.append, fact)
        moved = msgspec.structs.replace(step, state=state, outcome=outcome, changed_ms=now_ms)
        await asyncio.to_thread(self._steps.move, step.id, source, moved)

    async def _holds_the_lease(self) -> bool:
        """Takes the lease or renews it; whether this process has it. At rest nobody holds it, which costs nothing."""
        if time.monotonic() >= self._step_at_s:
            self._step_at_s = time.monotonic() + await asyncio.to_thread(self._tenure.step)
        return self._tenure.is_held()

    async def _let_go(self) -> None:
        if self._tenure.is_held():
            await asyncio.to_thread(self._tenure.give_up)
            self._step_at_s = 0.0

    def _now_ms(self) -> int:
        return int(self._clock() * 1_000)
