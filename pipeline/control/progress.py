"""Long work reports its progress through a function of this type."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""It is called with how much is done and how much there is in all, both in the unit of the work."""
