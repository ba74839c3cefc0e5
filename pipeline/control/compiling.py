"""Compiles releases beside the stream, each once for all stages of a process and its API."""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping

from detectors.catalogue import RIVER
from detectors.river.state_table import classes
from foundation.slices import Slices
from pipeline.control.beside_the_stream import BesideTheStream
from pipeline.engine.definitions.release import Release, release_in_slices

KEPT = 8

Compiling = BesideTheStream[Release]


class _Key:
    """Id and parts of a release, in their order. Only the id is hashed: of 10,000 parts that takes longer than all else that a stage does
    with a release. The stages of a process ask with the same parts, which need not be compared.
    """

    def __init__(self, id: int, parts: Mapping[str, str]) -> None:
        self.id = id
        self.parts = parts

    def __hash__(self) -> int:
        return hash(self.id)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Key) or self.id != other.id:
            return False
        return self.parts is other.parts or list(self.parts.items()) == list(other.parts.items())


_lock = threading.Lock()
_made: OrderedDict[_Key, Compiling] = OrderedDict()
_turn = threading.Lock()
"""Releases are compiled one after the other, since they share most of what they are made of."""


def _whole(id: int, texts: Callable[[], Mapping[str, str]]) -> Slices[Release]:
    release = yield from release_in_slices(id, texts())
    _load_river_for(release)
    return release


def _load_river_for(release: Release) -> None:
    """Imports River here if the release has models of it: that takes seconds, which else the first snapshot would take from decisions."""
    if any(model.model in RIVER for model in release.models):
        with contextlib.suppress(ValueError):  # of another version; whoever reads a snapshot says so
            classes()


def compiling(id: int, parts: Mapping[str, str], texts: Callable[[], Mapping[str, str]]) -> Compiling:
    """Begins to compile a release unless somebody has begun; returns at once.

    Args:
        parts: the hashes of the texts, by part.
        texts: gives them, by part; it is called in the thread that compiles.
    """
    key = _Key(id, parts)
    with _lock:
        found = _made.get(key)
        if found is None:
            found = _made[key] = Compiling(f"compiling release {id}", lambda: _whole(id, texts), _turn, frozen=True)
        _made.move_to_end(key)
        while len(_made) > KEPT:
            _made.popitem(last=False)
        return found


def begun(id: int, parts: Mapping[str, str]) -> Compiling | None:
    """Returns what `compiling` has begun for another stage of the process; None if nobody has asked for it yet."""
    with _lock:
        return _made.get(_Key(id, parts))
