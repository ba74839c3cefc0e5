"""Columns of values of one type for n events, each present, missing or an error."""

import enum
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.expressions.functions.types import Type

Faults = NDArray[np.uint8]
Value = bool | int | float | str
_MICROSECONDS = 1_000


class Fault(enum.Enum):
    """Says why an event has no value here."""

    MISSING = 1
    DIVIDED_BY_ZERO = 2
    OUT_OF_RANGE = 3
    NO_SUCH_KEY = 4
    NOT_CONVERTIBLE = 5
    TOO_LONG = 6


class Texts:
    """Holds distinct texts, numbered in the order in which they were found."""

    __slots__ = ("all", "places")

    def __init__(self, places: dict[str, int]) -> None:
        self.places = places
        self.all: Sequence[str] = list(places)

    @classmethod
    def of(cls, texts: Iterable[str]) -> "tuple[Texts, NDArray[np.int32]]":
        """Returns the distinct ones among `texts`, and the number of each text."""
        places: dict[str, int] = {}
        at = np.array([places.setdefault(text, len(places)) for text in texts], dtype=np.int32)
        return cls(places), at


NO_TEXTS = Texts({"": 0})


class Column:
    """Holds n values, or one value for all events.

    Args:
        type: type of all values.
        values: array [n], or [] for one value for all; strings stand as their numbers in `texts`. Meaningless where there is a fault.
        faults: 0 or the value of a `Fault`, [n] or []; None where every value is present.
        texts: the texts of a string column.
    """

    __slots__ = ("faults", "texts", "type", "values")

    def __init__(self, type: Type, values: NDArray[Any], faults: Faults | None = None, texts: Texts = NO_TEXTS) -> None:
        self.type = type
        self.values = values
        self.faults = faults
        self.texts = texts

    @classmethod
    def of_numbers(cls, type: Type, numbers: NDArray[np.float64], divisor: float = 1.0) -> "Column":
        """Makes a bool, int or double column of floats; NaN means missing.

        Args:
            divisor: 10**scale for a decimal held in minor units.
        """
        missing = np.isnan(numbers)
        faults = missing.view(np.uint8) if np.count_nonzero(missing) else None
        if type is Type.DOUBLE:
            return cls(type, numbers / divisor if divisor != 1.0 else numbers, faults)
        return cls(type, (np.where(missing, 0.0, numbers) if faults is not None else numbers).astype(type.dtype), faults)

    @classmethod
    def of_texts(cls, texts: Sequence[str | None]) -> "Column":
        """Makes a string column; None means missing."""
        distinct, at = Texts.of("" if text is None else text for text in texts)
        missing = None in texts
        return cls(Type.STRING, at, np.array([text is None for text in texts], dtype=np.uint8) if missing else None, distinct)

    @classmethod
    def of_ids(cls, ids: Sequence[str]) -> "Column":
        """Makes a string column of entities' ids; '' means missing."""
        distinct, at = Texts.of(ids)
        absent = distinct.places.get("")
        return cls(Type.STRING, at, None if absent is None else (at == absent).view(np.uint8), distinct)

    @classmethod
    def of_times_ms(cls, times_ms: NDArray[np.int64]) -> "Column":
        """Makes a timestamp column of milliseconds since the epoch."""
        return cls(Type.TIMESTAMP, times_ms * _MICROSECONDS)

    @classmethod
    def constant(cls, type: Type, value: Value | Fault) -> "Column":
        """Makes a column with one value, or fault, for all events; times are in microseconds."""
        if isinstance(value, Fault):
            return cls(type, np.zeros((), type.dtype), np.array(value.value, np.uint8))
        if isinstance(value, str):
            return cls(type, np.zeros((), np.int32), None, Texts({value: 0}))
        return cls(type, np.array(value, type.dtype))

    @classmethod
    def of_values(cls, type: Type, values: Sequence[Value | Fault | None]) -> "Column":
        """Makes a column of plain values; None means missing, times are in microseconds."""
        faults = np.array([_fault_of(value) for value in values], dtype=np.uint8)
        shown = faults if faults.any() else None
        if type is Type.STRING:
            distinct, at = Texts.of(value if isinstance(value, str) else "" for value in values)
            return cls(type, at, shown, distinct)
        return cls(type, np.array([0 if fault else value for value, fault in zip(values, faults, strict=True)], dtype=type.dtype), shown)

    def spread(self, n: int) -> "Column":
        """Returns the same column with one value per event."""
        if self.values.shape == (n,) and (self.faults is None or self.faults.shape == (n,)):
            return self
        faults = None if self.faults is None else np.broadcast_to(self.faults, (n,))
        return Column(self.type, np.broadcast_to(self.values, (n,)), faults, self.texts)

    def item(self, row: int) -> Value | Fault:
        """Returns the value of one event, or why there is none."""
        fault = 0 if self.faults is None else int(self.faults[row])
        if fault:
            return Fault(fault)
        value: Value = self.values[row].item()
        return self.texts.all[int(value)] if self.type is Type.STRING else value

    def truths(self) -> NDArray[np.bool_]:
        """Returns [n] of a bool column: true where the value is present and true."""
        return self.values if self.faults is None else self.values & (self.faults == 0)

    def numbers(self) -> NDArray[np.float64]:
        """Returns [n] of a bool, int or double column: floats, NaN where there is no value."""
        numbers = self.values.astype(np.float64)
        return numbers if self.faults is None else np.where(self.faults == 0, numbers, np.nan)


def _fault_of(value: Value | Fault | None) -> int:
    return Fault.MISSING.value if value is None else value.value if isinstance(value, Fault) else 0


def joined(*columns: Column) -> Faults | None:
    """Returns the faults of a result that needs all of `columns`: for each event the gravest one."""
    found = [column.faults for column in columns if column.faults is not None]
    if not found:
        return None
    result = found[0]
    for faults in found[1:]:
        result = np.maximum(result, faults)
    return result


def with_faults(faults: Faults | None, where: NDArray[np.bool_], fault: Fault) -> Faults | None:
    """Returns `faults`, with `fault` added where there was none before and `where` holds."""
    if not where.any():
        return faults
    fresh = np.where(where, np.uint8(fault.value), np.uint8(0))
    return fresh if faults is None else np.where(faults != 0, faults, fresh)
