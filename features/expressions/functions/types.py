"""The types of values that an expression can have."""

import enum

import numpy as np


class Type(enum.Enum):
    """Names the types as the Common Expression Language does.

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
        """Tells whether values compare with those of another number type."""
        return self in (Type.INT, Type.DOUBLE)

    @property
    def dtype(self) -> "np.dtype[np.generic]":
        """Returns the dtype of an array of such values; strings stand as numbers in a list of texts."""
        return _DTYPES[self]


_DTYPES: dict[Type, "np.dtype[np.generic]"] = {
    Type.BOOL: np.dtype(np.bool_),
    Type.INT: np.dtype(np.int64),
    Type.DOUBLE: np.dtype(np.float64),
    Type.STRING: np.dtype(np.int32),
    Type.TIMESTAMP: np.dtype(np.int64),
    Type.DURATION: np.dtype(np.int64),
}
