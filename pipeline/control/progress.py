"""How far long work has come."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Is told how much is done, and how much there is in all."""
