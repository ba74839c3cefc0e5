"""Tables of values, trees of ranks, decayed sums and bursts against brute force."""

import math
from collections import Counter

import numpy as np
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from features.layout.layout import BURST_WORDS, DECAYED_WORDS, VALUE_WORDS, Counts, Ranks
from features.windows.burst import burst_step, burst_value
from features.windows.decayed import decayed_enter, decayed_mean, decayed_std
from features.windows.ranks import empty_ranks, rank_add, rank_clear, rank_of, rank_remove, with_room_for_ranks
from features.windows.value_counts import entropy_bits, value_enter
from features.windows.value_table import count_of, empty_counts, with_room_for
from foundation.compiled import entry

FEW = settings(max_examples=examples(100))


@entry
def run_values(owners, values, counts, used, words, row, owner, value, sign):
    value_enter(Counts(owners, values, counts, used), words, row, 0, owner, value, sign)
    return entropy_bits(words, row, 0), count_of(Counts(owners, values, counts, used), 2 * owner, value)


@entry
def run_ranks(nodes, keys, free, path, roots, slot, value, what):
    ranks = Ranks(nodes, keys, free, path)
    if what == 1:
        rank_add(ranks, roots, slot, 0, value)
    elif what == -1:
        rank_remove(ranks, roots, slot, 0, value)
    elif what == 2:
        rank_clear(ranks, roots, slot, 0)
    return rank_of(ranks, roots, slot, 0, value)


@entry
def run_decayed(words, value, time_ms, half_life_ms, sign):
    decayed_enter(words, 0, 0, value, time_ms, half_life_ms, sign)
    return decayed_mean(words, 0, 0), decayed_std(words, 0, 0)


@entry
def run_burst(words, time_ms, tick_ms, threshold):
    burst_step(words, 0, 0, time_ms, tick_ms, threshold)
    return burst_value(words, 0, 0)


@FEW
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-3, 8), st.booleans()), max_size=300))
def test_counts_distinct_top_and_entropy_equal_brute_force(steps) -> None:
    counts = empty_counts(16)
    words = np.zeros((3, VALUE_WORDS))
    held: list[Counter] = [Counter(), Counter(), Counter()]
    for owner, value, goes in steps:
        counts = with_room_for(counts, 2)
        sign = -1.0 if goes and held[owner][value] else 1.0
        held[owner][value] += int(sign)
        held[owner] += Counter()
        entropy, own = run_values(*counts, words, owner, owner, value, sign)
        n = sum(held[owner].values())
        assert own == held[owner][value]
        assert words[owner, :3].tolist() == [n, len(held[owner]), max(held[owner].values(), default=0)]
        if n:
            assert math.isclose(entropy, -sum(c / n * math.log2(c / n) for c in held[owner].values()), abs_tol=1e-9)
        else:
            assert math.isnan(entropy)


@FEW
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(-6, 6), st.integers(0, 9)), max_size=300))
def test_ranks_equal_brute_force_and_all_nodes_come_free_again(steps) -> None:
    ranks = empty_ranks(4)
    roots = np.full((2, 1), -1)
    held: list[list[float]] = [[], []]
    for slot, value, what in steps:
        ranks = with_room_for_ranks(ranks, 1)
        value = value / 4
        if what == 0:
            run_ranks(*ranks, roots, slot, value, 2)
            held[slot].clear()
        elif what < 5 and value in held[slot]:
            run_ranks(*ranks, roots, slot, value, -1)
            held[slot].remove(value)
        else:
            run_ranks(*ranks, roots, slot, value, 1)
            held[slot].append(value)
        assert run_ranks(*ranks, roots, slot, value, 0) == (sum(v < value for v in held[slot]), held[slot].count(value))
        assert ranks.free[1] == len(ranks.keys) - len(set(held[0])) - len(set(held[1]))


@FEW
@given(
    st.lists(st.tuples(st.integers(0, 40), st.floats(-1e6, 1e6), st.booleans()), min_size=1, max_size=80),
    st.sampled_from([0.0, 1e9]),
    st.sampled_from([1_000, 20]),
)
def test_decayed_means_equal_brute_force_also_after_rows_have_gone(steps, offset, half_life_ms) -> None:
    words = np.zeros((1, DECAYED_WORDS))
    rows: list[tuple[int, float]] = []
    now = 1_700_000_000_000
    for more, value, goes in steps:
        if goes and len(rows) > 1:
            gone = rows.pop()  # time runs backwards: the newest goes
            mean, std = run_decayed(words, gone[1], gone[0], half_life_ms, -1.0)
            now = rows[-1][0]
        else:
            now += more * (50 if half_life_ms > 100 else 1)
            rows.append((now, value + offset))
            mean, std = run_decayed(words, value + offset, now, half_life_ms, 1.0)
        weights = [2.0 ** ((time - now) / half_life_ms) for time, _ in rows]
        right = math.fsum(w * x for w, (_, x) in zip(weights, rows, strict=True)) / math.fsum(weights)
        spread = math.fsum(w * (x - right) ** 2 for w, (_, x) in zip(weights, rows, strict=True)) / math.fsum(weights)
        assert math.isclose(mean, right, rel_tol=1e-9, abs_tol=1e-9)
        if len(rows) > 1:
            assert math.isclose(std, math.sqrt(spread), rel_tol=1e-6, abs_tol=1e-4 if offset else 1e-6)
        else:
            assert math.isnan(std)


def test_a_burst_stands_out_from_a_steady_past() -> None:
    words = np.zeros((1, BURST_WORDS))
    steady = [run_burst(words, minute * 60_000, 60_000, 1_000.0) for minute in range(100)]
    assert max(steady[20:]) < 1.0
    burst = [run_burst(words, 100 * 60_000 + n, 60_000, 1_000.0) for n in range(30)]
    assert burst[-1] > 5.0
    assert burst == sorted(burst)
