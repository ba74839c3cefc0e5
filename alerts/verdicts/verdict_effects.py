"""What cases.yaml says of verdicts: what each of them does."""

from collections.abc import Mapping
from dataclasses import dataclass

from features.schema.facts import Value
from stores.casework.verdict_steps import StepWord
from stores.casework.verdicts import VerdictWord

ANALYST = "analyst"
"""The source of labels that verdicts give, unless cases.yaml says another one."""


@dataclass(frozen=True, slots=True)
class LabelEffect:
    """Gives the events a label: 1 for fraud, and 0 for legitimate."""

    source: str = ANALYST
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class ListEffect:
    """Puts the entities of the kind `add` on the list `to`, for `for_ms` or for ever."""

    add: str
    to: str
    for_ms: int | None


@dataclass(frozen=True, slots=True)
class FactEffect:
    """Tells the fact `name` of the entities of the kind `of`, for `for_ms` or for ever."""

    of: str
    name: str
    value: Value
    for_ms: int | None


@dataclass(frozen=True, slots=True)
class SilenceEffect:
    """Silences alerts about the entities of the kind `by` for `for_ms`."""

    by: str
    for_ms: int


@dataclass(frozen=True, slots=True)
class VerdictEffects:
    """Says what one verdict does.

    Args:
        label: the label of the events; None for none.
        lists, facts, silences: what is done to the events' entities.
        hold: how holds of the events end, one of `patterns.hold_policy.HOLD_ENDS`; empty leaves them as they are.
        four_eyes: what is done only once a second person has approved it.
    """

    label: LabelEffect | None = None
    lists: tuple[ListEffect, ...] = ()
    facts: tuple[FactEffect, ...] = ()
    silences: tuple[SilenceEffect, ...] = ()
    hold: str = ""
    four_eyes: tuple[StepWord, ...] = ()


VerdictPolicy = Mapping[VerdictWord, VerdictEffects]
LABELS_ALONE: VerdictPolicy = {"fraud": VerdictEffects(LabelEffect()), "legitimate": VerdictEffects(LabelEffect())}
"""What verdicts do where cases.yaml does not say it."""
