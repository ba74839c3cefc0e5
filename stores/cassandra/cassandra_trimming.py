"""Only the newest rows of an entity's history stay: otherwise a shop with a thousand payments a second would be a partition of billions.

Writes are counted by entity. When an entity had many, the rows behind its newest ones are deleted as one range of time; reads start at the
newest row and do not meet that range. A late event from before that time is deleted too. Buckets by time were not chosen: each read of a
latest score would have to look up the buckets first, and one hour of such a shop is still millions of rows.
"""

from collections import Counter
from collections.abc import Iterable

from stores.cassandra.cassandra import Keyspace
from stores.cassandra.cassandra_rows import FIRST_US

ROWS_MAX = 100_000
"""At least this many newest rows of an entity stay."""
LOOK_AFTER = 50_000
"""An entity is trimmed after this many writes, so it has at most this many rows more than `ROWS_MAX`."""
COUNTED_MAX = 200_000
"""The most entities whose writes are counted; when there are more, those with few writes are forgotten and counted anew."""
_TIMES = "SELECT event_time FROM entity_history WHERE kind = ? AND id = ? LIMIT ?"
_TRIM = "DELETE FROM entity_history USING TIMESTAMP ? WHERE kind = ? AND id = ? AND event_time < ?"
TRIMMING = (_TIMES, _TRIM)
"""The statements that the keyspace has to prepare."""


class Trimming:
    """Counts the rows that this process writes, and deletes the oldest rows of entities that have too many.

    Args:
        keyspace: has prepared the statements of `TRIMMING`.
    """

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace
        self._counts: Counter[tuple[str, str]] = Counter()

    def wrote(self, keys: Iterable[tuple[str, str]]) -> None:
        """Counts one written row for each of `keys`, pairs of entity type and id. Cost: half a microsecond a key.

        Raises:
            StoreUnavailableError: no node answers; the entity is trimmed after its next write.
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
