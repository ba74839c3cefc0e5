"""Work that waits in a store: it is looked for often, but not while nobody has committed anything to the store."""

import time
from collections.abc import Callable

LOOK_SECONDS_MAX = 2.0
"""What becomes due by time alone, such as the end of a lease, is found so much later at most."""

CommitNumber = Callable[[], int | None]
"""Gives a number that changes with each commit to the store; None where nobody knows, so that each look is a query."""


def unknown() -> None:
    """Stands for a store that does not say whether anybody has committed."""


class Looking:
    """Says whether there may be work: whether anybody has committed since the last look, or that look was `seconds_max` ago.

    Args:
        number: of the store.
        monotonic: the seconds of a clock that is never set back.
        seconds_max: see above.
    """

    def __init__(
        self, number: CommitNumber, monotonic: Callable[[], float] = time.monotonic, seconds_max: float = LOOK_SECONDS_MAX
    ) -> None:
        self._seconds_max = seconds_max
        self._number = number
        self._monotonic = monotonic
        self._seen: int | None = None
        self._looked_at = 0.0

    def is_due(self) -> bool:
        """Returns whether to look now, which counts as a look: its number is taken before it, so that no commit is missed."""
        number, now = self._number(), self._monotonic()
        if number is not None and number == self._seen and now - self._looked_at < self._seconds_max:
            return False
        self._seen, self._looked_at = number, now
        return True

    def failed(self) -> None:
        """Makes the next look due, because this one found out nothing."""
        self._seen = None
