"""Profiles are kept in Flink's keyed state, and read and written for a whole micro-batch at once."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from features.profiles.codec import Saved
from pipeline.engine.isolation import NoRecordsFaultError
from pipeline.engine.profile_store import Kept
from pipeline.wire.bulk_state import pack_changes, pack_keys, unpack_deadlines, unpack_profiles
from pipeline.wire.declaration import ENTITY_SEPARATOR, NO_TIME_MS


class BulkState(Protocol):
    """Reads or writes Flink's state of many keys in one call; it is the Java class ``BulkState`` in a job and a dictionary in tests."""

    def read(self, keys: bytes) -> bytes:
        """Reads the profiles of the packed `keys`, and returns them packed; see `pipeline.wire.bulk_state`."""
        ...

    def write(self, keys: bytes, blobs: bytes) -> None:
        """Writes the packed changes of the packed `keys`."""
        ...

    def deadlines(self) -> bytes:
        """Reads the packed keys that wait for an event time, with their deadlines; see `pipeline.wire.bulk_state.pack_deadlines`."""
        ...

    def mark(self, keys: bytes, deadlines: bytes) -> None:
        """Writes deadlines (ms, i64 each) of the packed `keys`; `NO_TIME_MS`: the key waits no longer."""
        ...


@runtime_checkable
class ProfileRows(Protocol):
    """Reads or writes the state of many keys as it is, where it lies in this process and nothing has to be packed."""

    def read_profiles(self, keys: Sequence[bytes]) -> list[Kept]:
        """Gives what is kept of each key, in order."""
        ...

    def write_profiles(self, keys: Sequence[bytes], saved: Saved) -> None:
        """Keeps what changed of each key."""
        ...

    def read_deadlines(self) -> dict[bytes, int]:
        """Gives the event time in ms for which each key waits that waits for one."""
        ...

    def write_deadlines(self, deadlines_ms: Mapping[bytes, int | None]) -> None:
        """Keeps event times for which keys wait; None: the key waits no longer."""
        ...


class PackedRows:
    """Implements `ProfileRows` by packing what it gives to a `BulkState`, and unpacking what it gets."""

    def __init__(self, state: BulkState) -> None:
        self._state = state

    def read_profiles(self, keys: Sequence[bytes]) -> list[Kept]:
        return unpack_profiles(bytes(self._state.read(pack_keys(keys))))

    def write_profiles(self, keys: Sequence[bytes], saved: Saved) -> None:
        self._state.write(pack_keys(keys), pack_changes(saved.heads, saved.pages, saved.dropped))

    def read_deadlines(self) -> dict[bytes, int]:
        return dict(unpack_deadlines(bytes(self._state.deadlines())))

    def write_deadlines(self, deadlines_ms: Mapping[bytes, int | None]) -> None:
        times = [NO_TIME_MS if deadline is None else deadline for deadline in deadlines_ms.values()]
        self._state.mark(pack_keys(list(deadlines_ms)), np.array(times, "<i8").tobytes())


class StateFailedError(NoRecordsFaultError):
    """Flink could not read or write its state; no record is at fault."""


class OutspokenState:
    """Passes calls on to Flink's state, and turns every failure into a `StateFailedError`."""

    def __init__(self, state: BulkState) -> None:
        self._state = state

    def read(self, keys: bytes) -> bytes:
        try:
            return self._state.read(keys)
        except Exception as error:  # the JVM may raise anything
            raise StateFailedError(f"Flink could not read its state: {error}") from error

    def write(self, keys: bytes, blobs: bytes) -> None:
        try:
            self._state.write(keys, blobs)
        except Exception as error:  # the JVM may raise anything
            raise StateFailedError(f"Flink could not write its state: {error}") from error

    def deadlines(self) -> bytes:
        try:
            return self._state.deadlines()
        except Exception as error:  # the JVM may raise anything
            raise StateFailedError(f"Flink could not read its state: {error}") from error

    def mark(self, keys: bytes, deadlines: bytes) -> None:
        try:
            self._state.mark(keys, deadlines)
        except Exception as error:  # the JVM may raise anything
            raise StateFailedError(f"Flink could not write its state: {error}") from error


class KeyedProfiles:
    """Implements `ProfileState` with Flink's keyed state.

    Args:
        state: of the operator.
        user_kind: whether the entities are primary ones, whose keys are the bare ids; the keys of others are ``type NUL id``.
        kept_ms: how long the state keeps a profile that is not written; 0 keeps it for ever.
    """

    def __init__(self, state: BulkState | ProfileRows, user_kind: bool, kept_ms: int = 0) -> None:
        self.kept_ms = kept_ms
        self._rows: ProfileRows = state if isinstance(state, ProfileRows) else PackedRows(state)
        self._user_kind = user_kind

    def read(self, kind: str, keys: list[str]) -> list[Kept]:
        return self._rows.read_profiles(self._flink_keys(kind, keys))

    def write(self, kind: str, keys: list[str], saved: Saved) -> None:
        self._rows.write_profiles(self._flink_keys(kind, keys), saved)

    def waiting(self) -> dict[tuple[str, str], int]:
        return {self._kind_and_id(key): deadline for key, deadline in self._rows.read_deadlines().items()}

    def wait(self, deadlines_ms: dict[tuple[str, str], int | None]) -> None:
        self._rows.write_deadlines({self._flink_keys(kind, [id])[0]: deadline for (kind, id), deadline in deadlines_ms.items()})

    def _kind_and_id(self, key: bytes) -> tuple[str, str]:
        if self._user_kind:
            return "", key.decode()
        kind, _, id = key.decode().partition(ENTITY_SEPARATOR)
        return kind, id

    def _flink_keys(self, kind: str, keys: list[str]) -> list[bytes]:
        prefix = "" if self._user_kind else kind + ENTITY_SEPARATOR
        return [(prefix + key).encode() for key in keys]
