"""Says how much one transaction takes, so that nobody else who writes to the same database waits for long.

SQLite lets one writer in at a time. A job that is far behind would keep all others out for as long as the work of everything that it found
takes: changes of rules over HTTP would wait, and the lease of deliveries would not be renewed.
"""

HELD_S = 0.25
"""A transaction is to last so long at most."""
LEAST = 50
FIRST = 500


class TransactionSize:
    """Follows how long transactions last, and fits the next one to `HELD_S`. It is for one thread.

    Args:
        most: a transaction never takes more records.

    Attributes:
        records: how many the next transaction may take.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.records = min(FIRST, most)

    def took(self, records: int, seconds: float) -> None:
        """Notes that a transaction of so many records lasted so long.

        One that lasted too long makes the next one smaller in proportion, and a full one that was quick makes it larger, by twice at most.
        A quick one that was not full says little: most of it is the wait for the disk.
        """
        if seconds > HELD_S or records >= self.records:
            fitting = int(records * HELD_S / max(seconds, HELD_S / 2))
            self.records = min(self._most, max(LEAST, fitting))
