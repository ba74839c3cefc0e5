"""A snapshot travels as numbered parts, a record of the topic each; here it is taken apart, and put together from bytes of any origin."""

import hashlib
from typing import Annotated

import msgspec

from detectors.snapshot import ENCODED_BYTES_MAX, NAME_CHARACTERS_MAX, Snapshot, snapshot_key

PART_BYTES_MAX = 512 << 10
"""The maximum size of what a part holds of a snapshot. A record of the topic with it stays far below what a broker takes by default."""
PARTS_MAX = -(-ENCODED_BYTES_MAX // PART_BYTES_MAX)
UNFINISHED_BYTES_MAX = 2 * ENCODED_BYTES_MAX
"""The maximum size of all parts that wait for others; beyond it the parts that came first are dropped."""
_PART_BYTES = 1_024
"""What a part takes beside its bytes, about, so that the bound holds for many small parts too."""

_Name = Annotated[str, msgspec.Meta(max_length=NAME_CHARACTERS_MAX)]
_Number = Annotated[int, msgspec.Meta(ge=1, le=PARTS_MAX)]


class SnapshotPart(msgspec.Struct, array_like=True, frozen=True):
    """Holds one part of an encoded snapshot.

    Args:
        model, definition, sequence: as of `Snapshot`.
        part: the number of the part, from 1.
        parts: how many parts there are.
        digest: SHA-256 of the whole encoded snapshot.
        chunk: the part's bytes; all parts one after the other are the encoded snapshot.
    """

    model: _Name
    definition: _Name
    sequence: int
    part: _Number
    parts: _Number
    digest: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    chunk: Annotated[bytes, msgspec.Meta(max_length=PART_BYTES_MAX)]

    @property
    def key(self) -> str:
        """The key of the part's record; no other part of any snapshot has it."""
        return part_key(self.model, self.definition, self.sequence, self.part)


def part_key(model: str, definition: str, sequence: int, part: int) -> str:
    """Returns the key of the record of one part of a snapshot."""
    return f"{snapshot_key(model, definition)}/{sequence}/{part}"


def parts_of(snapshot: Snapshot, part_bytes_max: int = PART_BYTES_MAX) -> list[tuple[str, bytes]]:
    """Gives key and value of the records that carry `snapshot`, in order; one if it is small.

    Raises:
        ValueError: the snapshot cannot be encoded, see `Snapshot.encode`.
    """
    whole = snapshot.encode()
    digest = hashlib.sha256(whole).digest()
    chunks = [whole[first : first + part_bytes_max] for first in range(0, len(whole), part_bytes_max)]
    name = (snapshot.model, snapshot.definition, snapshot.sequence)
    parts = [SnapshotPart(*name, at, len(chunks), digest, chunk) for at, chunk in enumerate(chunks, 1)]
    return [(part.key, msgspec.msgpack.encode(part)) for part in parts]


def named_by(key: str) -> tuple[str, int | None]:
    """Takes the key of a record apart: the `Snapshot.key`, and the snapshot's number where the record is a part.

    Older versions wrote a snapshot as one record, under its `Snapshot.key`, or under the model's name alone.
    """
    model, *rest = key.split("/")
    if len(rest) == 3 and rest[1].isdecimal() and rest[2].isdecimal():
        return snapshot_key(model, rest[0]), int(rest[1])
    return key, None


class _Gathered:
    def __init__(self, first: SnapshotPart) -> None:
        self.digest, self.parts = first.digest, first.parts
        self.chunks: dict[int, bytes] = {}

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self.chunks.values())) + _PART_BYTES * len(self.chunks)


class SnapshotAssembly:
    """Puts snapshots together from records of the topic, which may come in any order, and holds the parts of those that lack some.

    Args:
        unfinished_bytes_max: the maximum size of the parts that are held.
    """

    def __init__(self, unfinished_bytes_max: int = UNFINISHED_BYTES_MAX) -> None:
        self.dropped = 0
        """The number of parts that were dropped: a newer snapshot was whole first, others took their place, or the bound was reached."""
        self._unfinished_bytes_max = unfinished_bytes_max
        self._gathered: dict[tuple[str, int], _Gathered] = {}

    def take(self, key: str, value: bytes) -> Snapshot | None:
        """Takes in the record with this key; gives the snapshot that is whole with it, if one is.

        Raises:
            ValueError: the record is no snapshot and no part of one, it stands under a key of another part, or it ends a snapshot whose
                bytes have another digest than its parts say; in that case all of these parts are dropped.
        """
        if named_by(key)[1] is None:
            return Snapshot.decode(value)
        try:
            part = msgspec.msgpack.decode(value, type=SnapshotPart)
        except msgspec.MsgspecError as error:
            raise ValueError(f"not a part of a snapshot: {error}") from error
        if part.key != key or part.part > part.parts:
            raise ValueError(f"expected the part of a snapshot that the key names, got part {part.part} of {part.parts} of {part.key}")
        return self._add(part)

    def take_away(self, key: str) -> None:
        """Drops the part with this key, if it waits for others: the topic holds it no more."""
        name, sequence = named_by(key)
        if sequence is not None and (name, sequence) in self._gathered:
            chunks = self._gathered[name, sequence].chunks
            chunks.pop(int(key.rpartition("/")[2]), None)
            if not chunks:
                del self._gathered[name, sequence]

    @property
    def waiting(self) -> int:
        """The number of parts that wait for others."""
        return sum(len(gathered.chunks) for gathered in self._gathered.values())

    def _add(self, part: SnapshotPart) -> Snapshot | None:
        name = snapshot_key(part.model, part.definition), part.sequence
        gathered = self._gathered.get(name)
        if gathered is not None and (gathered.digest, gathered.parts) != (part.digest, part.parts):
            self._drop(name)  # the number was given twice: what comes later counts
            gathered = None
        if gathered is None:
            gathered = self._gathered[name] = _Gathered(part)
        gathered.chunks[part.part] = part.chunk
        if len(gathered.chunks) < gathered.parts:
            self._keep_within_bound()
            return None
        snapshot = self._whole(name, gathered)
        for other in [other for other in self._gathered if other[0] == name[0] and other[1] < name[1]]:
            self._drop(other)
        return snapshot

    def _whole(self, name: tuple[str, int], gathered: _Gathered) -> Snapshot:
        whole = b"".join(gathered.chunks[at] for at in sorted(gathered.chunks))
        del self._gathered[name]
        try:
            if hashlib.sha256(whole).digest() != gathered.digest:
                raise ValueError(f"expected parts with the SHA-256 that they state, got others for snapshot {name[1]} of {name[0]}")
            snapshot = Snapshot.decode(whole)
            if (snapshot.key, snapshot.sequence) != name:
                raise ValueError(f"expected snapshot {name[1]} of {name[0]} in these parts, got {snapshot.sequence} of {snapshot.key}")
        except ValueError:
            self.dropped += len(gathered.chunks)
            raise
        return snapshot

    def _keep_within_bound(self) -> None:
        while sum(each.size_bytes for each in self._gathered.values()) > self._unfinished_bytes_max:
            self._drop(next(iter(self._gathered)))

    def _drop(self, name: tuple[str, int]) -> None:
        self.dropped += len(self._gathered.pop(name).chunks)
