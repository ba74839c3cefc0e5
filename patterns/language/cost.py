"""Says what a rule costs: an upper bound of the time for an event, and of the state that one key keeps.

The state of a sequence is bounded as `patterns/sequences` lays it out: a step keeps partial matches, each with the events of all steps so
far; a repeated step keeps as many as it needs events; a repeated first step keeps one run of its events instead.
"""

from collections.abc import Iterable, Iterator, Mapping

from patterns.language.pattern import Adaptive, Condition, Cost, Formula, Sequence, Step

UNITS_MAX = 50_000
"""The maximum cost of one rule: nanoseconds of CPU for an event whose conditions are all evaluated by themselves."""
STATE_BYTES_MAX = 65_536
"""The maximum state of one rule for one key."""

_STEP_UNITS = 50
_THRESHOLD_UNITS = 300
_WORD_BYTES = 8
_THRESHOLD_WORDS = 8
_SEQUENCE_WORDS = 4
_RECORD_WORDS = 3
_LISTED = 8  # events of a step that a partial match lists where the step may take any number
_COUNTED = 32  # the same where a condition reads them
_SLOTS = 4  # partial matches of a step where conditions read what earlier steps took
_EVENT_WORDS = 2
_AGGREGATE_WORDS = 6
_RUN_WORDS = 8


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


def cost_of(when: Condition | None, sequence: Sequence | None, adaptive: Mapping[str, Adaptive], said: Iterable[Formula] = ()) -> Cost:
    """Returns the cost of a rule of these parts.

    Args:
        said: the values in its reason, which may read steps of the sequence.
    """
    units = sum(formula.cost for formula in formulas_of(when, sequence, adaptive))
    units += len(adaptive) * _THRESHOLD_UNITS + (0 if sequence is None else len(sequence.steps) * _STEP_UNITS)
    words = len(adaptive) * _THRESHOLD_WORDS + (0 if sequence is None else _SEQUENCE_WORDS + _words_of(sequence, said))
    return Cost(units, words * _WORD_BYTES)


def _words_of(sequence: Sequence, said: Iterable[Formula]) -> int:
    asked = [name for step in sequence.steps for name in step.when.names]
    reads = [*asked, *(name for formula in said for name in formula.names)]
    steps = {step.name: step for step in sequence.steps if not step.absent}
    captures = {name: len({read.partition("(")[2] for read in reads if read.startswith(f"{name}.") and "(" in read}) for name in steps}
    if not sequence.ordered:
        return sum(1 + _most(step) * (_EVENT_WORDS + captures[name]) for name, step in steps.items())
    slots = _SLOTS if any(read.partition(".")[0] in steps for read in asked) else 1
    words, record = 0, _RECORD_WORDS
    for at, (name, step) in enumerate(steps.items()):
        record += _listed(step, captures[name], bounded=at > 0 and step.most is not None)
        if at == 0 and step.most != 1:
            words += _run(step, captures[name]) + slots * record
        elif at < len(steps) - 1 or step.most != 1:
            words += step.least * slots * record
    return words + (record if sequence.steps[-1].absent else 0)


def _most(step: Step) -> int:
    return max(step.least, _COUNTED if step.most is None else step.most)


def _run(step: Step, captures: int) -> int:
    """Returns the words of the run of a repeated first step."""
    return _RUN_WORDS + captures * _AGGREGATE_WORDS + _most(step) * (_EVENT_WORDS + captures)


def _listed(step: Step, captures: int, bounded: bool) -> int:
    """Returns the words that a partial match has of a step: its events, with what is captured of each, or of all together."""
    if step.most is not None and (bounded or step.most == 1):
        return 1 + step.most * (_EVENT_WORDS + captures)
    return 1 + (_LISTED if step.most is None else min(step.most, _LISTED)) * _EVENT_WORDS + captures * _AGGREGATE_WORDS
