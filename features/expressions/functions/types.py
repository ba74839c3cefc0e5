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
        return _DTYPES[self]


_DTYPES: dict[Type, "np.dtype[np.generic]"] = {
    Type.BOOL: np.dtype(np.bool_),
    Type.INT: np.dtype(np.int64),
    Type.DOUBLE: np.dtype(np.float64),
    Type.STRING: np.dtype(np.int32),
    Type.TIMESTAMP: np.dtype(np.int64),
    Type.DURATION: np.dtype(np.int64),
}
