"""Profiles kept in Flink's keyed state, read and written a bundle at a time."""

from typing import Protocol

from features.profiles.codec import Saved
from pipeline.engine.isolation import NoRecordsFaultError
from pipeline.engine.profile_store import Kept
from pipeline.wire.bulk_state import pack_changes, pack_keys, unpack_profiles
from pipeline.wire.declaration import ENTITY_SEPARATOR


class BulkState(Protocol):
    """Flink's state of many keys in one call; the Java class ``BulkState`` in a job, a dictionary in tests."""

    def read(self, keys: bytes) -> bytes:
        """Profiles of the packed `keys`, packed."""
        ...

    def write(self, keys: bytes, blobs: bytes) -> None:
        """Writes the packed changes of the packed `keys`."""
        ...


class StateFailedError(NoRecordsFaultError):
    """Flink's state did not read or write."""


class OutspokenState:
    """Flink's state, whose failures say that they are no record's fault."""

    def __init__(self, state: BulkState) -> None:
        self._state = state

    def read(self, keys: bytes) -> bytes:
        try:
            return self._state.read(keys)
        except Exception as error:  # whatever the JVM raises
            raise StateFailedError(f"state not read: {error}") from error

    def write(self, keys: bytes, blobs: bytes) -> None:
        try:
            self._state.write(keys, blobs)
        except Exception as error:  # whatever the JVM raises
            raise StateFailedError(f"state not written: {error}") from error


class KeyedProfiles:
    """`ProfileState` over Flink's keyed state.

    Args:
        state: that of the operator.
        user_kind: whose keys are the bare ids; other kinds' keys are ``kind NUL id``.
        kept_ms: how long the state keeps what is not written; 0: for ever.
    """

    def __init__(self, state: BulkState, user_kind: bool, kept_ms: int = 0) -> None:
        self.kept_ms = kept_ms
        self._state = state
        self._user_kind = user_kind

    def read(self, kind: str, keys: list[str]) -> list[Kept]:
        return unpack_profiles(bytes(self._state.read(pack_keys(self._flink_keys(kind, keys)))))

    def write(self, kind: str, keys: list[str], saved: Saved) -> None:
        self._state.write(pack_keys(self._flink_keys(kind, keys)), pack_changes(saved.heads, saved.pages, saved.dropped))

    def _flink_keys(self, kind: str, keys: list[str]) -> list[bytes]:
        prefix = "" if self._user_kind else kind + ENTITY_SEPARATOR
        return [(prefix + key).encode() for key in keys]
