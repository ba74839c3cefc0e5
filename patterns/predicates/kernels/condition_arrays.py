"""All that compiled loops need to know of a set of conditions and of the events' layout, in one table of addresses.

A call from Python with one table costs a fifth of what it costs with forty arrays.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.layout.address_table import floats, int_rows, ints, table_of
from foundation.borrowing import inner
from foundation.number_arrays import Float64s, Int64s
from patterns.predicates.kernels.index_kernels import Uint16s, Uint64s

IntRows = NDArray[np.int64]
MATRICES: Final = 4
"""Numbers of events stand in so many matrices at most."""
FIRST_LATE, REGISTERS, DEPTH, APART = range(4)
"""Places in `ConditionArrays.sizes`."""
_WORD_BYTES: Final = 8


class ConditionArrays(NamedTuple):
    """Holds a set of conditions, and where the values stand that they ask about.

    Args:
        sizes: the number of the first late attribute; how many registers a program needs; how many truths a stack holds at most;
            the first of the conditions that are told apart.
        places: [names, 2] of each name that has numbers its matrix, and its column there.
        divisors: [names] what these are divided by.
        numbers: [early attributes that are numbers, 3] the attribute, its name, and whether its values are integers or bools.
        texts: [early attributes that are texts, 2] the attribute, and the number that stands for a text that is missing.
        cut_starts, cuts: see `span_table.Cuts`.
        pair_starts, pair_attributes, cell_starts, row_starts, rows_of_cells, table, alive, exact: see `blocks.Blocks`.
        asking_starts, asking, pairs: see `index.Late`.
        kinds: [late attributes] what each is, see `number_kernels`.
        load_starts, loads, constant_starts, constants, step_starts, steps: see `features.expressions.number_code.Packed`; loads are names.
        missing, code_starts, code, atom_starts, atoms, attributes, flags, span_starts, first, last: see `index.Codes`.
    """

    sizes: Int64s
    places: IntRows
    divisors: Float64s
    numbers: IntRows
    texts: IntRows
    cut_starts: Int64s
    cuts: Int64s
    pair_starts: Int64s
    pair_attributes: Int64s
    cell_starts: Int64s
    row_starts: Int64s
    rows_of_cells: Uint16s
    table: Uint64s
    alive: Uint64s
    exact: Int64s
    asking_starts: Int64s
    asking: Int64s
    pairs: IntRows
    kinds: Int64s
    load_starts: Int64s
    loads: Int64s
    constant_starts: Int64s
    constants: Float64s
    step_starts: Int64s
    steps: IntRows
    missing: Int64s
    code_starts: Int64s
    code: IntRows
    atom_starts: Int64s
    atoms: Int64s
    attributes: Int64s
    flags: Int64s
    span_starts: Int64s
    first: Int64s
    last: Int64s


class ConditionTable:
    """Keeps the arrays alive whose addresses stand in `table`.

    Args:
        arrays: those of `ConditionArrays`, in their order; integers may be smaller.
    """

    def __init__(self, arrays: Sequence[NDArray[Any]]) -> None:
        self._arrays = ConditionArrays(*map(_in_words, arrays))
        self.table = table_of(self._arrays)


def _in_words(array: NDArray[Any]) -> NDArray[Any]:
    """Returns an array of 8-byte cells: the same bytes where cells are small and many, and else the same numbers."""
    if array.dtype == np.uint16:
        padded = np.zeros(-(-array.nbytes // _WORD_BYTES) * _WORD_BYTES // array.itemsize, np.uint16)
        padded[: len(array)] = array
        return padded.view(np.int64)
    if array.dtype.itemsize == _WORD_BYTES:
        return np.ascontiguousarray(array)
    return array.astype(np.int64)


@inner
def arrays_of(table: Int64s) -> ConditionArrays:
    """Returns the arrays whose addresses stand in `table`."""
    return ConditionArrays(
        ints(table, 0),
        int_rows(table, 1),
        floats(table, 2),
        int_rows(table, 3),
        int_rows(table, 4),
        ints(table, 5),
        ints(table, 6),
        ints(table, 7),
        ints(table, 8),
        ints(table, 9),
        ints(table, 10),
        ints(table, 11).view(np.uint16),
        int_rows(table, 12).view(np.uint64),
        ints(table, 13).view(np.uint64),
        ints(table, 14),
        ints(table, 15),
        ints(table, 16),
        int_rows(table, 17),
        ints(table, 18),
        ints(table, 19),
        ints(table, 20),
        ints(table, 21),
        floats(table, 22),
        ints(table, 23),
        int_rows(table, 24),
        ints(table, 25),
        ints(table, 26),
        int_rows(table, 27),
        ints(table, 28),
        ints(table, 29),
        ints(table, 30),
        ints(table, 31),
        ints(table, 32),
        ints(table, 33),
        ints(table, 34),
    )
