"""What the topic `models` holds of snapshots, and which of its records are no longer needed."""

from collections import defaultdict
from collections.abc import Collection

from detectors.snapshot_parts import named_by
from pipeline.learning.trainer import REPLACED_KEPT


class PublishedSnapshots:
    """The keys of the records that the topic `models` holds. It knows all of them, so that a restart leaves none behind."""

    def __init__(self) -> None:
        self._keys: dict[str, None] = {}

    def note(self, key: str, is_there: bool) -> None:
        """Takes note of a record, or of one that takes the key off the topic."""
        if is_there:
            self._keys[key] = None
        else:
            self._keys.pop(key, None)

    def surplus(self, current: Collection[str], sent: Collection[str]) -> list[str]:
        """Finds the records to take off the topic after snapshots were published.

        Of each definition that learns now only the snapshot that was just sent stays. Of the other definitions of the same models those
        with the `REPLACED_KEPT` greatest numbers stay, so that a release that comes back finds its snapshots at once. Snapshots of other
        models are not touched: somebody else publishes them.

        Args:
            current: the `Snapshot.key` of each model that learns now.
            sent: the keys of the records that were just sent.
        """
        sent_of = {named_by(key)[0] for key in sent}
        names = {model_of(key) for key in sent_of}
        gone = [key for key in self._keys if key not in sent and (named_by(key)[0] in sent_of or key in names)]
        replaced: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for key in self._keys:
            definition, number = named_by(key)
            if model_of(key) in names and key not in names and definition not in current:
                replaced[model_of(key)][definition] = max(replaced[model_of(key)][definition], number or 0)
        dropped = {definition for numbers in replaced.values() for definition in _beyond_kept(numbers)}
        return [*gone, *(key for key in self._keys if named_by(key)[0] in dropped)]


def model_of(key: str) -> str:
    """Gives the name of the model that the key of a record, or of a snapshot, begins with."""
    return key.partition("/")[0]


def _beyond_kept(numbers: dict[str, int]) -> list[str]:
    return sorted(numbers, key=numbers.__getitem__, reverse=True)[REPLACED_KEPT:]
