"""Joins the tables of sequences that were laid out each by itself: steps, programs and constants are numbered through."""

from collections.abc import Callable, Iterable

import numpy as np

from features.expressions.syntax.syntax import Node
from foundation.number_arrays import Int64s
from patterns.language.pattern import Formula
from patterns.sequences.plan.layout import LaidOut
from patterns.sequences.plan.programs import CONSTANT, Assembler, node_of
from patterns.sequences.plan.tables import CAPTURED, FIRST, PROGRAM, RULE, SECTION, Tables


def join(parts: Iterable[tuple[LaidOut, Assembler]], column: Callable[[Node, Formula], int]) -> Tables:
    """Joins sequences that were laid out each by itself, in their order.

    Args:
        parts: each with the constants of its programs.
        column: gives the number of the column with what is captured.
    """
    rules: list[Int64s] = []
    steps: list[Int64s] = []
    captured: list[int] = []
    starts, code = [0], list[tuple[int, int, int]]()
    constants: list[float] = []
    first = 0
    for number, (own, assembler) in enumerate(parts):
        rule, rows = own.rule.copy(), own.steps.copy()
        rule[SECTION], rule[FIRST] = number, first
        rows[:, RULE] = number
        rows[rows[:, PROGRAM] >= 0, PROGRAM] += len(starts) - 1
        for at, texts in enumerate(own.captures):
            rows[at, CAPTURED] = len(captured)
            captured += [column(node_of(text), own.sequence.steps[at].when) for text in texts]
        for program in own.programs:
            code += [(each, a + len(constants) if each == CONSTANT else a, b) for each, a, b in program]
            starts.append(len(code))
        constants += assembler.constants
        first += len(rows)
        rules.append(rule)
        steps.append(rows)
    none = np.zeros((0, 0), np.int64)
    return Tables(
        np.array(rules) if rules else none,
        np.vstack(steps) if steps else none,
        np.array(captured, np.int64),
        np.array(starts, np.int64),
        np.array(code, np.int64).reshape(-1, 3),
        np.array(constants, np.float64),
    )
