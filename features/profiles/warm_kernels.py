"""Compiles or loads every kernel before the first event."""

from dataclasses import replace

import numpy as np

from features.plan.plan_compiler import compile_plan
from features.profiles.profiles import Profiles
from features.schema.batch import Batch
from features.schema.schema import read_schema


def compile_kernels() -> None:
    """Compiles or loads every kernel, so that the first event need not wait: a minute or two the first time, then a second."""
    schema = read_schema("{id: id, time: {field: time}, user: user}")
    plan = compile_plan("user", True, [], [], schema)
    profiles = Profiles(plan)
    zeros = np.zeros(1, dtype=np.int64)
    batch = Batch(["1"], zeros, zeros, zeros, ["a"], {}, np.zeros((1, 0)), zeros)
    slots = profiles.slots(["a"])
    profiles.label(slots, zeros, zeros, ["a"], np.zeros(1, dtype=np.int8), zeros)
    for time_ms in (2, 1):
        later = replace(batch, id_keys=zeros + time_ms, times_ms=zeros + time_ms)
        observed = profiles.observe(slots, later, np.empty((1, 0)), np.empty((1, plan.width)))
        profiles.remember(observed.rows, np.zeros(1), zeros)
    saved = profiles.save(slots)
    profiles.restore("b", saved.heads[0], [])
