"""Lays out a sequence: where the words of a key hold its partial matches, and which condition fires which step."""

from collections.abc import Sequence as Ordered
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from foundation.number_arrays import Int64s
from foundation.refusal import Refusal
from patterns.language.pattern import Condition, Sequence, Step
from patterns.sequences.plan.programs import Assembler, Read, reads_of, split
from patterns.sequences.plan.tables import (
    ABSENT,
    AGGREGATE_WORDS,
    AGGREGATES,
    CAP,
    CAPTURES,
    CELLS,
    EACH,
    FIRST,
    FLAGS,
    GAP,
    GATE,
    GATED,
    KEPT,
    KIND,
    LAST,
    LEAST,
    LIST,
    LISTED_MAX,
    LOCAL,
    MOST,
    OPEN,
    OPTIONAL,
    ORDERED,
    PLAIN,
    PROGRAM,
    RECORD,
    RECORD_WORDS,
    REPEATED,
    RING,
    RING_OWN,
    RING_ROW,
    RING_SIZE,
    ROW,
    RULE_COLUMNS,
    SEEN,
    START,
    STEP_COLUMNS,
    STEPS,
    STEPS_MAX,
    STRICT,
    UNBOUNDED,
    UNTIL,
    WAIT,
    WITHIN,
    WORDS,
)

SLOTS = 4
"""Partial matches that are kept of a step where a condition reads what earlier steps took: any of them may be the one that goes on."""
COUNTED = 32
"""Events of a repeated first step that are kept where they are counted or captured. A run that began within the time of the sequence is
counted whole, however long it is."""


class RuleSequence(NamedTuple):
    """What of a rule is a sequence.

    Args:
        sequence: its steps.
        gate: the condition beside it, on the event that completes it; None: any event may.
        reads: what is read of its steps when it has matched, such as in a reason.
    """

    sequence: Sequence
    gate: Condition | None = None
    reads: Ordered[Read] = ()


@dataclass
class LaidOut:
    """Holds one sequence as rows of the tables.

    Args:
        rule: the row of `Tables.rules`; its section and first step are not known yet.
        steps: rows of `Tables.steps`, those of `until` and of the condition beside the sequence behind them; programs and captured columns
            are numbered within this sequence.
        fires: for each of these rows, the condition on the event alone that fires it; None: every event does.
        programs: the code of each program.
        captures: by step, what is captured of its events.
    """

    sequence: Sequence
    rule: Int64s
    steps: Int64s
    fires: list[Condition | None]
    programs: list[list[tuple[int, int, int]]] = field(default_factory=list)
    captures: list[list[str]] = field(default_factory=list)
    counted: set[int] = field(default_factory=set)


def lay_out(rule: RuleSequence, assembler: Assembler) -> LaidOut:
    """Lays out a sequence.

    Args:
        assembler: writes programs; it gets the steps and captures of this sequence.

    Raises:
        Refusal: a step stands where it cannot, or there are too many.
    """
    sequence = rule.sequence
    _refuse_misplaced(sequence)
    names = {step.name: at for at, step in enumerate(sequence.steps)}
    out = LaidOut(sequence, np.zeros(RULE_COLUMNS, np.int64), np.full((len(sequence.steps), STEP_COLUMNS), -1), [])
    out.captures = [[] for _ in sequence.steps]
    asked = [read for step in sequence.steps for read in reads_of(step.when, names)]
    for read in (*asked, *rule.reads):
        if read.kind == "count":
            out.counted.add(names[read.step])
        elif read.text not in out.captures[names[read.step]]:
            out.captures[names[read.step]].append(read.text)
    assembler.steps, assembler.captures = names, out.captures
    _conditions(out, rule.gate, assembler)
    if sequence.ordered:
        _place_in_order(out)
    else:
        _place_in_any_order(out)
    return out


def _refuse_misplaced(sequence: Sequence) -> None:
    steps = sequence.steps
    where = steps[0].when.place.source if steps else "sequence"
    if not 1 <= len(steps) <= STEPS_MAX:
        raise Refusal("too many steps", where=where, expected=f"1 to {STEPS_MAX} steps", got=f"{len(steps)}", remedy="split the rule")
    plain = [at for at, step in enumerate(steps) if not step.absent]
    if not plain or all(steps[at].optional for at in plain):
        raise Refusal("nothing to match", where=where, expected="a step that is neither optional nor absent", got="none")
    if not sequence.ordered:
        return
    if plain[0] != 0 or steps[0].optional:
        raise Refusal("a sequence that begins with nothing", where=where, expected="a first step that an event takes", got=steps[0].name)
    if steps[plain[-1]].optional:
        got = steps[plain[-1]].name
        raise Refusal("an optional end", where=where, expected="a last step that is not optional", got=got, remedy="leave it out")
    if len(steps) - plain[-1] > 2:
        raise Refusal("several absences at the end", where=where, expected="one, such as a || b", got=f"{len(steps) - plain[-1] - 1}")


def _conditions(out: LaidOut, gate: Condition | None, assembler: Assembler) -> None:
    """Takes the conditions of all steps apart; adds the steps of `until` and of the condition beside the sequence."""
    sequence, steps = out.sequence, out.steps
    for at, step in enumerate(sequence.steps):
        fires, parts = split(step.when, assembler.steps)
        out.fires.append(fires)
        if parts:
            steps[at, PROGRAM] = len(out.programs)
            out.programs.append(assembler.program(parts, step.when))
    steps[:, LOCAL] = np.arange(len(steps))
    steps[:, KIND] = [ABSENT if step.absent else PLAIN for step in sequence.steps]
    steps[:, LEAST] = [step.least for step in sequence.steps]
    steps[:, MOST] = [UNBOUNDED if step.most is None else step.most for step in sequence.steps]
    steps[:, GAP] = [UNBOUNDED if step.gap_ms is None else step.gap_ms for step in sequence.steps]
    steps[:, OPTIONAL] = [step.optional for step in sequence.steps]
    steps[:, REPEATED] = [step.most != 1 for step in sequence.steps]
    steps[:, CAPTURES] = [len(texts) for texts in out.captures]
    for kind, condition in ((UNTIL, sequence.until), (GATE, gate)):
        if condition is not None:
            more = np.full((1, STEP_COLUMNS), -1)
            more[0, [KIND, LOCAL]] = kind, len(out.steps)
            out.steps = np.vstack([out.steps, more])
            out.fires.append(condition)
    last = max(at for at, step in enumerate(sequence.steps) if not step.absent)
    out.rule[[STEPS, WITHIN, ORDERED, STRICT]] = len(sequence.steps), sequence.within_ms, sequence.ordered, sequence.strict
    out.rule[[EACH, GATED, LAST, WAIT, OPEN, FIRST]] = sequence.each, gate is not None, last, -1, -1, 0
    out.rule[KEPT] = SLOTS if out.programs else 1


def _place_in_order(out: LaidOut) -> None:
    sequence, rule, steps = out.sequence, out.rule, out.steps
    plain = [at for at, step in enumerate(sequence.steps) if not step.absent]
    marked = any(step.absent for step in sequence.steps[: rule[LAST]]) or any(sequence.steps[at].most != 1 for at in plain[1:])
    own = 0
    for column, needed in ((START, sequence.steps[0].most != 1), (FLAGS, marked), (SEEN, sequence.strict)):
        rule[column] = own if needed else -1
        own += bool(needed)
    rule[START] = max(rule[START], 0) if sequence.steps[0].most != 1 else own
    widths = {}
    for at in plain:
        own = _place_list(out, at, own)
        widths[at] = own
    rule[RECORD] = own
    words = 0
    for at in plain:
        step, cells = sequence.steps[at], 0
        steps[at, RECORD_WORDS] = widths[at]
        if at == 0 and step.most != 1:
            words = _place_ring(out, words)
            cells = 1 if step.gap_ms is not None and len(plain) > 1 else 0
        elif at != rule[LAST] or step.most != 1:
            cells = step.least
        if cells:
            steps[at, CELLS] = words
            words += cells * rule[KEPT] * widths[at]
    if rule[LAST] < len(sequence.steps) - 1:
        rule[WAIT] = words
        words += 1 + rule[RECORD]
    rule[WORDS] = words


def _place_list(out: LaidOut, at: int, word: int) -> int:
    """Gives a step its list in the records; returns the word after it."""
    step, row = out.sequence.steps[at], out.steps[at]
    captures = len(out.captures[at])
    row[LIST] = word
    bounded = step.most is not None and at > 0
    row[CAP] = _cap(step) if not bounded else step.most
    row[ROW] = 2 + (captures if bounded or step.most == 1 else 0)
    word += (step.most != 1) + row[CAP] * row[ROW]
    if captures and step.most != 1 and not bounded:
        row[AGGREGATES] = word
        word += captures * AGGREGATE_WORDS
    return int(word)


def _cap(step: Step) -> int:
    return LISTED_MAX if step.most is None else min(step.most, LISTED_MAX)


def _place_ring(out: LaidOut, word: int) -> int:
    step, row = out.sequence.steps[0], out.steps[0]
    captures = len(out.captures[0])
    counted = captures or 0 in out.counted
    row[RING] = word
    row[RING_SIZE] = max(step.least, (COUNTED if counted else LISTED_MAX) if step.most is None else step.most)
    row[RING_ROW] = 2 + captures
    return int(word + RING_OWN + captures * AGGREGATE_WORDS + row[RING_SIZE] * row[RING_ROW])


def _place_in_any_order(out: LaidOut) -> None:
    """In any order each step has a list of its newest events, and nothing else."""
    rule, steps = out.rule, out.steps
    rule[[START, FLAGS, SEEN]] = -1
    rule[OPEN] = 0
    word = 1
    for at, step in enumerate(out.sequence.steps):
        if step.absent:
            continue
        counted = COUNTED if at in out.counted else LISTED_MAX
        steps[at, LIST] = word
        steps[at, CAP] = max(step.least, counted if step.most is None else step.most)
        steps[at, ROW] = 2
        steps[at, REPEATED] = 1
        word += 1 + int(steps[at, CAP]) * 2
    rule[RECORD] = rule[WORDS] = word
