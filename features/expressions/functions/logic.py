"""Computes and, or, not, choice and presence over columns that may lack values.

``&&`` and ``||`` are commutative: a side that decides alone does so whatever the other side lacks. A missing value counts as
an error does.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.expressions.functions.column import Column, Fault, Faults, Texts, joined
from features.expressions.functions.types import Type

_Bools = NDArray[np.bool_]


def both(a: Column, b: Column) -> Column:
    """Computes ``a && b``."""
    if a.faults is None and b.faults is None:
        return Column(Type.BOOL, np.asarray(a.values & b.values))
    decided = _surely(~a.values, a.faults) | _surely(~b.values, b.faults)
    return Column(Type.BOOL, np.asarray(~decided), _undecided(decided, joined(a, b)))


def either(a: Column, b: Column) -> Column:
    """Computes ``a || b``."""
    if a.faults is None and b.faults is None:
        return Column(Type.BOOL, np.asarray(a.values | b.values))
    decided = _surely(a.values, a.faults) | _surely(b.values, b.faults)
    return Column(Type.BOOL, np.asarray(decided), _undecided(decided, joined(a, b)))


def choose(condition: Column, yes: Column, no: Column) -> Column:
    """Computes ``condition ? yes : no``; what the side not taken lacks does not matter."""
    texts, yes_values, no_values = aligned(yes, no)
    values = np.where(condition.values, yes_values, no_values)
    faults: Faults | None = None
    if yes.faults is not None or no.faults is not None:
        faults = np.where(condition.values, _shown(yes.faults), _shown(no.faults))
    if condition.faults is not None:
        faults = np.where(condition.faults != 0, condition.faults, _shown(faults))
    return Column(yes.type, values, faults, texts)


def present(column: Column) -> Column:
    """Tells whether a value is present."""
    if column.faults is None:
        return Column(Type.BOOL, np.array(True))
    return Column(Type.BOOL, np.asarray(column.faults != Fault.MISSING.value))


def provided(column: Column, *needed: Column) -> Column:
    """Returns `column` where each of `needed` has a value, and no value elsewhere."""
    return Column(column.type, column.values, joined(column, *needed), column.texts)


def aligned(a: Column, b: Column) -> tuple[Texts, NDArray[Any], NDArray[Any]]:
    """Returns the values of two columns of one type, strings as numbers in the same texts."""
    if a.type is not Type.STRING or a.texts is b.texts:
        return a.texts, a.values, b.values
    places = dict(a.texts.places)
    moved = np.array([places.setdefault(text, len(places)) for text in b.texts.all], dtype=np.int32)
    return Texts(places), a.values, moved[b.values]


def _surely(holds: _Bools, faults: Faults | None) -> _Bools:
    return holds if faults is None else holds & (faults == 0)


def _undecided(decided: _Bools, faults: Faults | None) -> Faults | None:
    return np.where(decided, np.uint8(0), _shown(faults))


def _shown(faults: Faults | None) -> Faults:
    return np.zeros((), np.uint8) if faults is None else faults
