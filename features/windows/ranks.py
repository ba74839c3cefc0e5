"""Ranks a value among others with a search tree for each window, whose nodes know how many rows are below them.

It is a treap whose priorities are hashes of the values (Seidel and Aragon 1996), so that its shape depends only on what it holds. Each
different value is a node of six cells, its value included; all operations take time logarithmic in their number.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from features.layout.layout import Ranks
from foundation.borrowing import inner, outer
from foundation.number_arrays import Int64s

LEFT, RIGHT, SIZE, COUNT, PRIORITY, NODE_WORDS = range(6)
_NONE = -1
_DEPTH_MAX = 512
_MIX, _MIX_2 = -7046029254386353131, -4658895280553007687


def empty_ranks(nodes: int = 1_024) -> Ranks:
    """Makes room for `nodes` nodes."""
    table = np.zeros((nodes, NODE_WORDS), dtype=np.int64)
    table[:, LEFT] = np.arange(1, nodes + 1)
    table[-1, LEFT] = _NONE
    return Ranks(table.reshape(-1), np.zeros(nodes), np.array([0, nodes], dtype=np.int64), np.zeros(_DEPTH_MAX, dtype=np.int64))


def with_room_for_ranks(ranks: Ranks, more: int) -> Ranks:
    """Returns the same trees with at least `more` free nodes."""
    if ranks.free[1] >= more:
        return ranks
    have = len(ranks.keys)
    added = max(have, more)
    table = np.zeros((have + added, NODE_WORDS), dtype=np.int64)
    table[:have] = ranks.nodes.reshape(have, NODE_WORDS)
    table[have:, LEFT] = np.arange(have + 1, have + added + 1)
    table[-1, LEFT] = ranks.free[0]
    free = np.array([have, ranks.free[1] + added], dtype=np.int64)
    return Ranks(table.reshape(-1), np.concatenate([ranks.keys, np.zeros(added)]), free, ranks.path)


@inner
def free_ranks(ranks: Ranks) -> int:
    """Returns the number of free nodes."""
    return int(ranks.free[1])


@inner
def size_of(ranks: Ranks, node: int) -> int:
    """Returns the number of rows in the subtree of `node`."""
    return ranks.nodes[node * NODE_WORDS + SIZE] if node >= 0 else 0


@inner
def resize(ranks: Ranks, node: int) -> None:
    """Recomputes the rows of a node's subtree from its children."""
    at = node * NODE_WORDS
    ranks.nodes[at + SIZE] = ranks.nodes[at + COUNT] + size_of(ranks, ranks.nodes[at + LEFT]) + size_of(ranks, ranks.nodes[at + RIGHT])


@intrinsic  # type: ignore[untyped-decorator]
def _bits_of(typing_context: Any, value: Any) -> Any:
    """Returns the 64 bits of a float as an integer."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        """Generates LLVM code: the same bits under another type."""
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@inner
def priority_of(value: float) -> int:
    """Returns a hash of the value."""
    mixed = _bits_of(value) * _MIX
    mixed = (mixed ^ ((mixed >> 31) & 0x1FFFFFFFF)) * _MIX_2
    return int(mixed ^ ((mixed >> 29) & 0x7FFFFFFFF))


@inner
def rotate(ranks: Ranks, parent: int, child: int) -> None:
    """Rotates the child into its parent's position; the caller repairs the reference to the parent."""
    up, down = child * NODE_WORDS, parent * NODE_WORDS
    if ranks.nodes[down + LEFT] == child:
        ranks.nodes[down + LEFT] = ranks.nodes[up + RIGHT]
        ranks.nodes[up + RIGHT] = parent
    else:
        ranks.nodes[down + RIGHT] = ranks.nodes[up + LEFT]
        ranks.nodes[up + LEFT] = parent
    resize(ranks, parent)
    resize(ranks, child)


@inner
def hang(ranks: Ranks, roots: Int64s, slot: int, index: int, depth: int, old: int, new: int) -> None:
    """Redirects the reference to `old`, which ends the path of `depth` nodes, to `new`."""
    if depth == 0:
        roots[slot, index] = new
        return
    at = ranks.path[depth - 1] * NODE_WORDS
    if ranks.nodes[at + LEFT] == old:
        ranks.nodes[at + LEFT] = new
    else:
        ranks.nodes[at + RIGHT] = new


@inner
def descend(ranks: Ranks, roots: Int64s, slot: int, index: int, value: float, by: int) -> int:
    """Walks to the node of `value`, or to where it would be, and counts `by` more rows on the way; returns the path's length."""
    node = roots[slot, index]
    depth = 0
    while node >= 0:
        ranks.path[depth] = node
        depth += 1
        ranks.nodes[node * NODE_WORDS + SIZE] += by
        if value == ranks.keys[node]:
            return depth
        node = ranks.nodes[node * NODE_WORDS + (LEFT if value < ranks.keys[node] else RIGHT)]
    return depth


@outer
def rank_add(ranks: Ranks, roots: Int64s, slot: int, index: int, value: float) -> None:
    """Adds a row with `value`, which is not NaN; there must be a free node."""
    depth = descend(ranks, roots, slot, index, value, 1)
    if depth and ranks.keys[ranks.path[depth - 1]] == value:
        ranks.nodes[ranks.path[depth - 1] * NODE_WORDS + COUNT] += 1
        return
    node = ranks.free[0]
    at = node * NODE_WORDS
    ranks.free[0] = ranks.nodes[at + LEFT]
    ranks.free[1] -= 1
    ranks.keys[node] = value
    ranks.nodes[at + LEFT] = _NONE
    ranks.nodes[at + RIGHT] = _NONE
    ranks.nodes[at + SIZE] = 1
    ranks.nodes[at + COUNT] = 1
    ranks.nodes[at + PRIORITY] = priority_of(value)
    if depth == 0:
        roots[slot, index] = node
        return
    parent = ranks.path[depth - 1]
    ranks.nodes[parent * NODE_WORDS + (LEFT if value < ranks.keys[parent] else RIGHT)] = node
    while depth and ranks.nodes[at + PRIORITY] > ranks.nodes[ranks.path[depth - 1] * NODE_WORDS + PRIORITY]:
        parent = ranks.path[depth - 1]
        rotate(ranks, parent, node)
        depth -= 1
        hang(ranks, roots, slot, index, depth, parent, node)


@outer
def rank_remove(ranks: Ranks, roots: Int64s, slot: int, index: int, value: float) -> None:
    """Removes a row with `value`, which must be there."""
    depth = descend(ranks, roots, slot, index, value, -1) - 1
    node = ranks.path[depth]
    at = node * NODE_WORDS
    ranks.nodes[at + COUNT] -= 1
    if ranks.nodes[at + COUNT] > 0:
        return
    while True:
        left, right = ranks.nodes[at + LEFT], ranks.nodes[at + RIGHT]
        if left < 0 or right < 0:
            break
        child = left if ranks.nodes[left * NODE_WORDS + PRIORITY] > ranks.nodes[right * NODE_WORDS + PRIORITY] else right
        rotate(ranks, node, child)
        hang(ranks, roots, slot, index, depth, node, child)
        ranks.path[depth] = child
        depth += 1
    hang(ranks, roots, slot, index, depth, node, left if right < 0 else right)
    ranks.nodes[at + LEFT] = ranks.free[0]
    ranks.free[0] = node
    ranks.free[1] += 1


@outer
def rank_of(ranks: Ranks, roots: Int64s, slot: int, index: int, value: float) -> tuple[int, int]:
    """Returns the number of rows with less than `value`, and of rows equal to it."""
    node = roots[slot, index]
    less = 0
    while node >= 0:
        at = node * NODE_WORDS
        if value < ranks.keys[node]:
            node = ranks.nodes[at + LEFT]
            continue
        below = size_of(ranks, ranks.nodes[at + LEFT])
        if value == ranks.keys[node]:
            return less + below, ranks.nodes[at + COUNT]
        less += below + ranks.nodes[at + COUNT]
        node = ranks.nodes[at + RIGHT]
    return less, 0


@outer
def rank_clear(ranks: Ranks, roots: Int64s, slot: int, index: int) -> None:
    """Frees the whole tree."""
    node = roots[slot, index]
    roots[slot, index] = _NONE
    while node >= 0:
        at = node * NODE_WORDS
        left = ranks.nodes[at + LEFT]
        if left >= 0:  # the right subtree moves below the left one's rightmost node
            last = left
            while ranks.nodes[last * NODE_WORDS + RIGHT] >= 0:
                last = ranks.nodes[last * NODE_WORDS + RIGHT]
            ranks.nodes[last * NODE_WORDS + RIGHT] = ranks.nodes[at + RIGHT]
            following = left
        else:
            following = ranks.nodes[at + RIGHT]
        ranks.nodes[at + LEFT] = ranks.free[0]
        ranks.free[0] = node
        ranks.free[1] += 1
        node = following
