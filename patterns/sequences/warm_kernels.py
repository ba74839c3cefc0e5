"""Compiles or loads the kernels of sequences before the first event that needs them."""

import functools

import numpy as np

from features.expressions.functions.types import Type
from features.expressions.syntax.parser import read_expression
from features.plan.plan_compiler import compile_plan
from features.profiles.profiles import Profiles
from features.schema.schema import read_schema
from foundation.place import Place, Source
from patterns.language.pattern import Condition, Sequence, Step
from patterns.sequences.plan.layout import RuleSequence
from patterns.sequences.sequences import Sequences


@functools.cache
def compile_sequence_kernels() -> None:
    """Compiles or loads every kernel of sequences, once a process: a minute or two the first time on a machine, then about a second."""
    text = "event.a"
    condition = Condition(text, read_expression(Source(text, Place())), Type.BOOL, {text: Type.BOOL}, frozenset(), Place())
    steps = tuple(Step(name, condition) for name in "ab")
    sequences = Sequences([RuleSequence(Sequence("user", 1_000, steps))])
    schema = read_schema("{id: id, time: {field: time}, user: user}")
    profiles = Profiles(compile_plan("user", True, [], [], schema), sequences.sections)
    slots, zeros = profiles.slots(["a"]), np.zeros(1, np.int64)
    fired = sequences.fired(zeros, zeros, 1)
    sequences.take(profiles, slots, zeros, zeros, np.zeros(1, np.bool_), np.zeros((1, 0)), fired)
    sequences.pass_time(profiles, slots, 0)
    sequences.deadlines_ms(profiles, slots)
    saved = profiles.save(slots)
    profiles.restore("b", saved.heads[0], [])
    profiles.discard(["a"])
