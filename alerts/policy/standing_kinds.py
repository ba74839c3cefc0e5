"""The kinds of alerts that there are without a word in alerts.yaml: of absences, budgets and drift, which nobody should miss.

An entry of the file that names such records in ``kinds`` takes the place of the one that stands here.
"""

from collections.abc import Sequence
from dataclasses import replace

from alerts.policy.alert_definition import ACTION, ENTITIES, PATTERN, AlertDefinition
from alerts.policy.alert_reader import HALF_LIFE_MS, LIMIT, RESOLVE_AFTER_MS, RISK_BELOW, WINDOW_MS

_ABSENCE = AlertDefinition(
    name="absence",
    title="What a rule waited for did not come",
    actions=(),
    patterns=(),
    severity_least="",
    score_least=None,
    group_by=(PATTERN, ENTITIES),
    severity="",
    window_ms=WINDOW_MS,
    resolve_after_ms=RESOLVE_AFTER_MS,
    risk_below=RISK_BELOW,
    risk_half_life_ms=HALF_LIFE_MS,
    inhibited_by=(),
    limit=LIMIT,
    kinds=("absence",),
)
_BUDGET = replace(
    _ABSENCE,
    name="budget_exceeded",
    title="A rule matched more often than its budget allows",
    group_by=(PATTERN,),
    severity="high",
    kinds=("budget",),
)
DRIFT_RESOLVE_AFTER_MS = 35 * 86_400_000
"""A drift ends by a record of its own, after at most 28 days; if the system stands still meanwhile, its alert ends by time."""
_DRIFT = replace(
    _ABSENCE,
    name="drift",
    title="What models see or say is not what it was",
    group_by=(ACTION,),
    severity="medium",
    resolve_after_ms=DRIFT_RESOLVE_AFTER_MS,
    kinds=("drift",),
)


def with_standing(definitions: Sequence[AlertDefinition]) -> tuple[AlertDefinition, ...]:
    """Returns the definitions of a file and those that stand beside them."""
    names, kinds = {each.name for each in definitions}, {kind for each in definitions for kind in each.kinds}
    return (*definitions, *(each for each in (_ABSENCE, _BUDGET, _DRIFT) if each.kinds[0] not in kinds and each.name not in names))
