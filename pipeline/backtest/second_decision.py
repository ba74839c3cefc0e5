"""A step that decides each event a second time, as the rules with the candidate would, and leaves no trace in the first decision."""

import copy
from collections.abc import Sequence
from typing import Any

from pipeline.backtest.side_by_side import SideBySide
from pipeline.engine.decisions.verdicts import Verdicts
from pipeline.engine.definitions.release import Release
from pipeline.engine.steps.installed_snapshots import InstalledSnapshots
from pipeline.engine.steps.policy_step import PolicyStep
from pipeline.engine.steps.step import Step, Turn
from pipeline.engine.steps.step_list import steps_with

_POLICY = PolicyStep.name


class SecondDecision:
    """Runs the policy over a copy of what it fills. Features, scores of models and matches are those of the first decision.

    Args:
        both: the rules of both decisions.
    """

    name = "second decision"
    reads = PolicyStep.reads
    fills: tuple[str, ...] = ()

    def __init__(self, both: SideBySide) -> None:
        self._both = both
        self._policy = PolicyStep()

    def cost_ns(self, release: Release) -> float:
        return self._policy.cost_ns(release)

    def run(self, turn: Turn, verdicts: Verdicts) -> None:
        second = copy.copy(verdicts)
        second.others = {}
        for name in PolicyStep.fills:
            setattr(second, name, _copied(getattr(verdicts, name)))
        second.matches = self._both.rules.as_if(verdicts.matches, self._both.after, turn.batch.users)
        self._policy.run(turn, second)
        verdicts.others[self.name] = second

    def steps(self, snapshots: InstalledSnapshots) -> Sequence[Step]:
        """Returns the steps of the engine with this one where both decisions begin to differ."""
        usual = steps_with(snapshots)
        at = [step.name for step in usual].index(_POLICY)
        return [*usual[:at], self, *usual[at:]]


def _copied(column: Any) -> Any:
    return dict(column) if isinstance(column, dict) else column.copy()
