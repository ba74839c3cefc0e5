"""Of an entity's history the newest rows stay: a shop with a thousand payments a second would else be one partition of billions.

Writes are counted by entity. One that had many is looked at: what lies behind its newest rows is deleted up to a time, as one range, which
reads from the newest row on never meet; a late event from before that time is not in the history either. Buckets by time were not chosen:
they ask for a look-up of buckets before each read of a latest score, and an hour of such a shop is still millions.
"""

from collections import Counter
from collections.abc import Iterable

from stores.cassandra.cassandra import Keyspace
from stores.cassandra.cassandra_rows import FIRST_US

ROWS_MAX = 100_000
"""Rows of an entity that stay at least."""
LOOK_AFTER = 50_000
"""Writes of an entity until it is looked at: so it has at most so many more rows."""
COUNTED_MAX = 200_000
"""Entities that are counted; when there are more, those with few writes are forgotten and begin anew."""
_TIMES = "SELECT event_time FROM entity_history WHERE kind = ? AND id = ? LIMIT ?"
_TRIM = "DELETE FROM entity_history USING TIMESTAMP ? WHERE kind = ? AND id = ? AND event_time < ?"
TRIMMING = (_TIMES, _TRIM)
"""Statements to be prepared."""


class Trimming:
    """Counts the rows that one process writes, and lets go of what is too much.

    Args:
        keyspace: with the statements of `TRIMMING`.
    """

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace
        self._counts: Counter[tuple[str, str]] = Counter()

    def wrote(self, keys: Iterable[tuple[str, str]]) -> None:
        """Says that a row was written for each of `keys`, (kind, id). Half a microsecond each.

        Raises:
            StoreUnavailableError: no node answers; the entity is looked at after its next write.
        """
        written = Counter(keys)
        self._counts.update(written)
        for key in written:
            if self._counts[key] >= LOOK_AFTER:
                self._trim(*key)
                del self._counts[key]
        if len(self._counts) > COUNTED_MAX:
            self._forget_the_seldom()

    def _trim(self, kind: str, id: str) -> None:
        times = [time for (time,) in self._keyspace.rows(_TIMES, kind, id, ROWS_MAX + 1, page=10_000)]
        if len(times) > ROWS_MAX:
            self._keyspace.write([self._keyspace.bound(_TRIM, FIRST_US, kind, id, times[-1])])

    def _forget_the_seldom(self) -> None:
        least = 2
        while len(self._counts) > COUNTED_MAX // 2:
            self._counts = Counter({key: count for key, count in self._counts.items() if count >= least})
            least *= 2
