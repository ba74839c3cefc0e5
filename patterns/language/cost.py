"""Says what a rule costs: an upper bound of the time for an event, and of the state that one key keeps."""

from collections.abc import Iterator, Mapping

from patterns.language.pattern import Adaptive, Condition, Cost, Formula, Sequence, Step

UNITS_MAX = 50_000
"""The maximum cost of one rule: nanoseconds of CPU for an event whose conditions are all evaluated by themselves."""
STATE_BYTES_MAX = 65_536
"""The maximum state of one rule for one key."""
EVENTS_KEPT = 8
"""How many events of a step are kept for the explanation of a match."""
SLOTS = 4
"""How many beginnings of a sequence are kept at a time where a condition reads earlier steps."""

_STEP_UNITS = 50
_THRESHOLD_UNITS = 300
_CELL_BYTES = 8
_EVENT_BYTES = 16
_SLOT_BYTES = 16
_HEAD_BYTES = 16
_THRESHOLD_BYTES = 32


def formulas_of(when: Condition | None, sequence: Sequence | None, adaptive: Mapping[str, Adaptive]) -> Iterator[Formula]:
    """Yields the expressions that are evaluated for each event: of the condition, the steps and the thresholds."""
    if when is not None:
        yield when
    for step in sequence.steps if sequence is not None else ():
        yield step.when
    if sequence is not None and sequence.until is not None:
        yield sequence.until
    for threshold in adaptive.values():
        yield threshold.of
        if threshold.cohort is not None:
            yield threshold.cohort


def cost_of(when: Condition | None, sequence: Sequence | None, adaptive: Mapping[str, Adaptive]) -> Cost:
    """Returns the cost of a rule of these parts."""
    units = sum(formula.cost for formula in formulas_of(when, sequence, adaptive))
    units += len(adaptive) * _THRESHOLD_UNITS + (0 if sequence is None else len(sequence.steps) * _STEP_UNITS)
    return Cost(units, len(adaptive) * _THRESHOLD_BYTES + (0 if sequence is None else _HEAD_BYTES + _sequence_bytes(sequence)))


def _sequence_bytes(sequence: Sequence) -> int:
    reads = [name for step in sequence.steps for name in step.when.names]
    return sum(_step_bytes(step, reads) for step in sequence.steps)


def _step_bytes(step: Step, reads: list[str]) -> int:
    """Returns the bytes of a step: beginnings with what conditions read of its events, and the events of a match."""
    if step.absent:
        return _CELL_BYTES
    captured = len({name for name in reads if name.startswith(f"{step.name}.")})
    slots = SLOTS if captured else 1
    ring = step.least * (_CELL_BYTES + captured * _CELL_BYTES) if step.least > 1 else 0
    return slots * (_SLOT_BYTES + captured * _CELL_BYTES) + ring + EVENTS_KEPT * _EVENT_BYTES
