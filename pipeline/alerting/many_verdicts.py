"""Gives one verdict on many cases, each in a transaction of its own, and writes what came of each."""

import pathlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from alerts.cases.case_life import CaseConflictError, give_verdicts
from alerts.cases.case_policy import NO_CASES, CasePolicy
from alerts.cases.case_reader import read_cases
from alerts.cases.verdict_inputs import check_verdict
from foundation.refusal import Refusal
from foundation.time_ids import UUID7, uuid7
from pipeline.engine.definitions.part_names import CASES
from stores.casework.case import Case, CaseChange
from stores.casework.cases import OpenCaseError
from stores.casework.verdicts import UNDO_MS, Verdict, VerdictWord
from stores.relational.casework.cases import RelationalCases
from stores.relational.casework.verdicts import RelationalVerdicts
from stores.relational.database import Database
from stores.relational.definitions import RelationalRegistry


class Wanted(Protocol):
    """Says which verdict is given on which cases; see `pipeline.jobs.verdicts_kind.VerdictsParameters`."""

    @property
    def cases(self) -> Sequence[str]: ...
    @property
    def verdict(self) -> VerdictWord: ...
    @property
    def reason(self) -> str: ...
    @property
    def inputs(self) -> Mapping[str, str | float | bool]: ...
    @property
    def close(self) -> bool: ...
    @property
    def text(self) -> str: ...
    @property
    def by(self) -> str: ...
    @property
    def seed(self) -> str: ...
    @property
    def at_ms(self) -> int: ...
    @property
    def hidden(self) -> Sequence[str]: ...


class Item(msgspec.Struct, frozen=True):
    """Says what came of one case: the id of the verdict, or why there is none."""

    case: str
    verdict: str = ""
    problem: str = ""


def give_many(
    database: Database, wanted: Wanted, path: pathlib.Path, progress: Callable[[int, int], None], clock: Callable[[], float] = time.time
) -> tuple[int, int]:
    """Gives the verdict on each case, and returns on how many it did and on how many it did not.

    A verdict's id stands for the job and the case: on a case that has it already nothing is done again.

    Args:
        path: gets an `Item` a line.
        progress: is told how many cases are done, of how many.
        clock: seconds since the epoch.

    Raises:
        StoreUnavailableError: the store does not answer; run it again.
    """
    giving = _Giving(database, wanted, clock)
    given = 0
    with path.open("wb") as file:
        for number, case in enumerate(wanted.cases, 1):
            item = giving.on(case)
            given += bool(item.verdict)
            file.write(msgspec.json.encode(item) + b"\n")
            progress(number, len(wanted.cases))
    return given, len(wanted.cases) - given


class _Giving:
    def __init__(self, database: Database, wanted: Wanted, clock: Callable[[], float]) -> None:
        self._cases, self._verdicts = RelationalCases(database), RelationalVerdicts(database)
        self._wanted = wanted
        self._clock = clock
        self._policy = _policy_in(RelationalRegistry(database))

    def on(self, case_id: str) -> Item:
        """What comes of one case."""
        wanted = self._wanted
        case = self._cases.get(case_id) if UUID7.fullmatch(case_id) else None
        if case is None or case.inbox in wanted.hidden:
            return Item(case_id, problem="there is no such case")
        id = uuid7(wanted.at_ms, f"{wanted.seed}/{case.id}".encode())
        if self._verdicts.get(id) is not None:
            return Item(case_id, id)
        try:
            check_verdict(self._policy, self._policy.typology(case.typology), wanted.verdict, wanted.reason, wanted.inputs)
            self._cases.change(case_id, lambda found: self._given(found, id))
        except (Refusal, CaseConflictError, OpenCaseError) as error:
            return Item(case_id, problem=str(error))
        return Item(case_id, id)

    def _given(self, case: Case, id: str) -> CaseChange:
        wanted, now_ms = self._wanted, int(self._clock() * 1_000)
        if case.inbox in wanted.hidden:
            raise CaseConflictError("there is no such case")
        own = (case.id, "", "", case.entity_kind, case.entity_id, wanted.verdict, wanted.reason, wanted.inputs, wanted.by)
        verdict = Verdict(id, *own, at_ms=now_ms, effective_at_ms=now_ms + UNDO_MS)
        return give_verdicts(case, wanted.by, now_ms, self._policy.claim_ms, [verdict], wanted.close, wanted.text)


def _policy_in(registry: RelationalRegistry) -> CasePolicy:
    """What cases.yaml says in the newest release; it was checked when it was released."""
    newest = registry.newest()
    text = None if newest is None or CASES not in newest.parts else registry.text(newest.parts[CASES])
    return NO_CASES if text is None else read_cases(text)
