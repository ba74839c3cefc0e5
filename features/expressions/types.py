"""The types of values that an expression can have."""

import enum

import numpy as np


class Type(enum.Enum):
    """A type by its name in the Common Expression Language.

    A timestamp is held as microseconds since the epoch, a duration as microseconds.
    """

    BOOL = "bool"
    INT = "int"
    DOUBLE = "double"
    STRING = "string"
    TIMESTAMP = "timestamp"
    DURATION = "duration"

    @property
    def is_number(self) -> bool:
        """Whether values compare with those of another number type."""
        return self in (Type.INT, Type.DOUBLE)

    @property
    def dtype(self) -> "np.dtype[np.generic]":
        """What an array of such values holds; of strings, their places in a list of texts."""
        return np.dtype(_DTYPES[self])


_DTYPES: dict[Type, type[np.generic]] = {
    Type.BOOL: np.bool_,
    Type.INT: np.int64,
    Type.DOUBLE: np.float64,
    Type.STRING: np.int32,
    Type.TIMESTAMP: np.int64,
    Type.DURATION: np.int64,
}
