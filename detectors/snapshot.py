"""Snapshots that learners publish: numbered, dated, and encoded as bytes that hold nothing but arrays."""

from dataclasses import dataclass

import msgspec

from detectors.arrays import BYTES_MAX, PackedArray, pack_arrays, unpack_arrays
from detectors.learner import Arrays

FORMAT = 2
FORMAT_WITHOUT_KIND = 1
"""The format of versions that had no other snapshots than those of learners."""
NAME_CHARACTERS_MAX = 256
ENCODED_BYTES_MAX = BYTES_MAX + (1 << 20)
"""The maximum size of an encoded snapshot."""
GROUP_END = "."
"""It ends the name of a group in the names of arrays."""


class _Encoded(msgspec.Struct, array_like=True, frozen=True):
    format: int
    model: str
    definition: str
    sequence: int
    event_time_ms: int
    arrays: dict[str, PackedArray]
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Holds a model as it was at one moment of event time.

    Args:
        model: name of the model in models.yaml.
        definition: content hash of the model's definition; a snapshot of another definition must not be used.
        sequence: number of the publication, growing within a model.
        event_time_ms: end (exclusive) of what was learned, in ms since the epoch.
        arrays: the model's own arrays by plain names, and those of further groups as ``<group>.<name>``, see `arrays_of`.
        kind: says what the model's own arrays are, see `detectors.catalogue.SNAPSHOT_KINDS`; empty in snapshots of older versions, whose
            kind is the detector that the model names.
    """

    model: str
    definition: str
    sequence: int
    event_time_ms: int
    arrays: Arrays
    kind: str = ""

    @property
    def key(self) -> str:
        """Returns the key of the snapshot; a definition that returns finds what was learned for it."""
        return snapshot_key(self.model, self.definition)

    @property
    def size_bytes(self) -> int:
        """The size of all arrays together."""
        return sum(array.nbytes for array in self.arrays.values())

    def arrays_of(self, group: str = "") -> Arrays:
        """Returns the arrays of a group by their names within it; the empty group is the model's own. None are copied.

        So that something else than the model can travel in the same snapshot, and come into force with it, whoever adds arrays gives
        them a group of their own: ``scale.knots`` is the array ``knots`` of the group ``scale``. A reader of one group sees no other.
        """
        split = (name.rpartition(GROUP_END) for name in self.arrays)
        return {name: self.arrays[whole + end + name] for whole, end, name in split if whole == group}

    def encode(self) -> bytes:
        """Encodes the snapshot as MessagePack; equal snapshots give equal bytes.

        Raises:
            ValueError: the arrays are too large or have a dtype that cannot be encoded.
        """
        packed = pack_arrays({name: self.arrays[name] for name in sorted(self.arrays)})
        whole = _Encoded(FORMAT, self.model, self.definition, self.sequence, self.event_time_ms, packed, self.kind)
        return msgspec.msgpack.encode(whole)

    @staticmethod
    def decode(value: bytes) -> "Snapshot":
        """Decodes a snapshot from bytes of any origin: nothing in them is executed.

        Raises:
            ValueError: the bytes are too many, are no snapshot, or have another format version.
        """
        if len(value) > ENCODED_BYTES_MAX:
            raise ValueError(f"expected a snapshot of at most {ENCODED_BYTES_MAX} bytes, got {len(value)}")
        try:
            encoded = msgspec.msgpack.decode(value, type=_Encoded)
        except msgspec.MsgspecError as error:
            raise ValueError(f"not a snapshot: {error}") from error
        if encoded.format not in (FORMAT, FORMAT_WITHOUT_KIND):
            raise ValueError(f"expected a snapshot of format {FORMAT_WITHOUT_KIND} or {FORMAT}, got {encoded.format}")
        if max(len(encoded.model), len(encoded.definition), len(encoded.kind)) > NAME_CHARACTERS_MAX:
            raise ValueError(f"expected a snapshot with names of at most {NAME_CHARACTERS_MAX} characters, got a longer one")
        arrays = unpack_arrays(encoded.arrays)
        return Snapshot(encoded.model, encoded.definition, encoded.sequence, encoded.event_time_ms, arrays, encoded.kind)


def snapshot_key(model: str, definition: str) -> str:
    """Returns the key of the snapshots of a model with one definition."""
    return f"{model}/{definition}"
