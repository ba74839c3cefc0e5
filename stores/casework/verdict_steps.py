"""Defines how the steps of verdicts are stored: what each verdict does, and what became of it.

A verdict is planned once: its steps are written in one transaction with what is told of it. Each step can be done twice without harm, so a
process that is killed between doing and noting loses and doubles nothing. A verdict that is undone has each of its steps taken back.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from stores.casework.deliveries import Message
from stores.casework.verdicts import Verdict

StepWord = Literal["label", "list", "fact", "silence", "hold"]
STEP_WORDS: tuple[StepWord, ...] = ("label", "list", "fact", "silence", "hold")
StepState = Literal["waiting", "wanted", "done", "failed", "refused", "undone"]
"""A step that needs a second person is waiting until somebody approves it, or refuses it."""


class VerdictStep(msgspec.Struct, frozen=True):
    """Is one thing that a verdict does. Times are ms since the epoch.

    Args:
        id: stands for the verdict, the word and the subject: 32 hexadecimal digits.
        verdict: the id of the verdict.
        number: its place among the verdict's steps, from 0 on.
        what: one of `STEP_WORDS`.
        subject: what it is done to, for people.
        details: what is done, by name.
        due_ms: it is not done sooner.
        state: see `StepState`.
        before: what it has replaced, as JSON, so that it can be taken back; empty for nothing.
        outcome: what became of it, in a few words.
        by: who approved or refused it; empty for nobody.
        changed_ms: when its state changed.
    """

    id: str
    verdict: str
    number: int
    what: StepWord
    subject: str
    details: Mapping[str, str | float | bool | None]
    due_ms: int
    state: StepState
    before: str = ""
    outcome: str = ""
    by: str = ""
    changed_ms: int = 0


class VerdictSteps(Protocol):
    """Stores steps of verdicts. Any number of processes use it; each call is one transaction. Safe for threads.

    Raises:
        StoreUnavailableError: any call; the store does not answer, and the call may have taken effect all the same.
    """

    def is_anything_due(self, now_ms: int) -> bool:
        """Returns whether a verdict has to be planned, done, taken back, or noted as carried out; it costs one query."""

    def unplanned(self, at_most: int) -> list[Verdict]:
        """Returns `at_most` verdicts that are not planned, carried out or undone, the oldest first."""

    def plan(self, verdict: str, steps: Sequence[VerdictStep], told: Sequence[tuple[Message, Sequence[str]]]) -> bool:
        """Writes the steps of a verdict, and what is told of it; returns false, and writes nothing, if that was done before."""

    def due(self, now_ms: int, at_most: int) -> list[VerdictStep]:
        """Returns `at_most` steps that are wanted and due, of verdicts that were not undone; those due first come first."""

    def remember(self, id: str, before: str) -> None:
        """Notes what a step is about to replace, unless that was noted before."""

    def move(self, id: str, source: Sequence[StepState], step: VerdictStep) -> bool:
        """Writes state, outcome, `by` and `changed_ms` of `step`; returns false unless the stored state is one of `source`."""

    def undone(self, at_most: int) -> list[Verdict]:
        """Returns `at_most` verdicts that were planned and then undone, and whose steps are not settled yet."""

    def of_verdict(self, verdict: str) -> list[VerdictStep]:
        """Returns the steps of a verdict in their order."""

    def open(self, verdicts: Sequence[str]) -> set[str]:
        """Returns those of `verdicts` that are not planned, or have a step that is wanted."""

    def settle(self, verdict: str, told: Sequence[tuple[Message, Sequence[str]]] = ()) -> bool:
        """Notes that all steps of a verdict are done or taken back, with what is told; returns false if that was noted before."""

    def waiting(self, after: str, limit: int) -> list[VerdictStep]:
        """Returns the first `limit` steps that wait for a second person by id, from behind the id `after` on."""
