"""A kind of snapshot: which arrays such a snapshot holds, and what reads them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from detectors.arrays import expect_array
from detectors.learner import Arrays
from foundation.slices import Slices

Form = tuple[str, tuple[int | None, ...]]
"""The dtype of an array in numpy's spelling, and its shape; ``None`` allows any length."""

Made = TypeVar("Made", covariant=True)


@dataclass(frozen=True)
class SnapshotKind(Generic[Made]):
    """Reads snapshots of one kind. `detectors.catalogue.SNAPSHOT_KINDS` holds all kinds by name.

    Args:
        forms: the form of each array that such a snapshot holds, by the array's name.
        make: makes from these arrays what a step of the engine uses; it raises ValueError for contents that make no sense.
        make_in_slices: does the same in slices, where that takes longer than a decision may wait; None where it does not.
    """

    forms: Mapping[str, Form]
    make: Callable[[Arrays], Made]
    make_in_slices: Callable[[Arrays], Slices[Made]] | None = None

    def read(self, arrays: Arrays) -> Made:
        """Gives what `make` makes of `arrays`.

        Raises:
            ValueError: an array is missing, is one too many or has another form, or `make` refuses the contents.
        """
        return self.make(self._expected(arrays))

    def read_in_slices(self, arrays: Arrays) -> Slices[Made]:
        """Does what `read` does in slices; it is a single one of a kind that is made at once."""
        expected = self._expected(arrays)
        if self.make_in_slices is None:
            return self.make(expected)
        return (yield from self.make_in_slices(expected))

    def _expected(self, arrays: Arrays) -> Arrays:
        strange = sorted(arrays.keys() - self.forms.keys())
        if strange:
            raise ValueError(f"array {strange[0]!r}: expected one of {sorted(self.forms)}, got {len(strange)} others")
        return {name: expect_array(arrays, name, *form) for name, form in self.forms.items()}
