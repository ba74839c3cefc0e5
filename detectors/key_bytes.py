"""Bounds what a detector keeps of each key: there are as many keys as users."""

from typing import Final

KEY_BYTES_MAX: Final = 32_768
_CELL_BYTES: Final = 8


def check_key_bytes(cells: int, remedy: str) -> None:
    """Checks the number of cells of a key.

    Raises:
        ValueError: they take more than `KEY_BYTES_MAX`; it ends with the `remedy`.
    """
    if _CELL_BYTES * cells > KEY_BYTES_MAX:
        raise ValueError(f"expected at most {KEY_BYTES_MAX} bytes a key, got {_CELL_BYTES * cells}: {remedy}")
