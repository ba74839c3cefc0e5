"""Rebuilds models of River from their snapshots beside the stream: a state of 200 kB takes 25 ms, which no decision may wait for.

Stages of a process that ask for the same snapshot get the same model.
"""

import hashlib
import threading
import weakref

from detectors.catalogue import RIVER, Scoring, score_in_slices
from detectors.snapshot import Snapshot
from pipeline.control.beside_the_stream import BesideTheStream

Rebuilding = BesideTheStream[Scoring]
_Key = tuple[str, int, bytes]
_lock = threading.Lock()
_begun: weakref.WeakValueDictionary[_Key, Rebuilding] = weakref.WeakValueDictionary()
"""A model is known for as long as a stage that has asked for it needs it."""
_turn = threading.Lock()
"""Models are rebuilt one after the other: each thread more would hold decisions up as long again."""


def takes_long(snapshot: Snapshot) -> bool:
    """Tells whether a decision cannot wait until the snapshot's model is there."""
    return snapshot.kind in RIVER


def rebuilding(snapshot: Snapshot) -> Rebuilding:
    """Begins to rebuild the model of `snapshot`, see `takes_long`, unless a stage of the process has begun; returns at once."""
    key = _key(snapshot)
    with _lock:
        found = _begun.get(key)
        if found is None:
            slices = lambda: score_in_slices(snapshot.kind, snapshot.arrays_of())  # noqa: E731 - it is called in the thread
            found = _begun[key] = Rebuilding(f"rebuilding {snapshot.model}", slices, _turn, frozen=False)
        return found


def begun(snapshot: Snapshot) -> Rebuilding | None:
    """Returns what `rebuilding` has begun; None if nobody has asked for it, or nobody needs it any more."""
    with _lock:
        return _begun.get(_key(snapshot))


def _key(snapshot: Snapshot) -> _Key:
    digest = hashlib.sha256()
    for name, array in sorted(snapshot.arrays_of().items()):
        digest.update(name.encode())
        digest.update(array.tobytes())
    return snapshot.key, snapshot.sequence, digest.digest()
