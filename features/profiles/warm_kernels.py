"""Compiles or loads every kernel before the first event."""

from dataclasses import replace

import numpy as np

from features.kernel.kernel import clear_all
from features.layout.kernel_context import context_of
from features.plan.plan import Plan
from features.plan.plan_compiler import compile_plan
from features.profiles.page_encoding import pages_as_bytes
from features.profiles.profiles import Profiles
from features.profiles.sections import Section
from features.profiles.sparse_sections import SparseSections
from features.schema.batch import Batch
from features.schema.schema import read_schema
from features.windows.value_table import empty_counts, with_room_for


def compile_kernels() -> None:
    """Compiles or loads every kernel, so that the first event need not wait: two minutes the first time, then a second."""
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
    _compile_what_only_much_needs(profiles, plan)


def _compile_what_only_much_needs(profiles: Profiles, plan: Plan) -> None:
    """Compiles what no first events reach: full pages, tables that grow, profiles that are forgotten, sections that few keys have."""
    none = np.zeros(0, np.int64)
    pages_as_bytes(profiles.slab, [], plan.row_words)
    clear_all(context_of(profiles.slab, plan.arrays, 0), none)
    with_room_for(empty_counts(1), 1)
    sections = SparseSections([Section("warm", 1, sparse=True)])
    sections.find("warm", none)
