"""Verdicts and their steps as callers see them."""

from typing import Annotated

import msgspec

from stores.casework.verdict_steps import StepState, StepWord
from stores.casework.verdicts import Verdict

REASON_CHARACTERS_MAX = 500


class ShownVerdictStep(msgspec.Struct):
    """One thing that a verdict does: to what, when it is due, and what became of it. `by` is the second person who let it be done, or not.

    Its state is ``waiting`` for a second person, ``wanted``, ``done``, ``failed``, ``refused`` by the second person, or ``undone``.
    """

    id: str
    verdict: str
    what: StepWord
    subject: str
    due_ms: int
    state: StepState
    outcome: str
    by: str
    changed_ms: int


class ShownVerdict(msgspec.Struct):
    """A verdict with its steps, in their order."""

    verdict: Verdict
    steps: list[ShownVerdictStep]


class WaitingSteps(msgspec.Struct):
    """Steps that wait for a second person; `next` is the cursor of the page behind it, and null on the last one."""

    steps: list[ShownVerdictStep]
    next: str | None


class GivenJudgement(msgspec.Struct, forbid_unknown_fields=True):
    """Why the second person lets the steps be done, or not."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_CHARACTERS_MAX)]
