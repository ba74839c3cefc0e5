"""Snapshots that learners publish: numbered, dated, and encoded as bytes that hold nothing but arrays."""

from dataclasses import dataclass

import msgspec

from detectors.arrays import BYTES_MAX, PackedArray, pack_arrays, unpack_arrays
from detectors.learner import Arrays

FORMAT = 1
NAME_CHARACTERS_MAX = 256


class _Encoded(msgspec.Struct, array_like=True, frozen=True):
    format: int
    model: str
    definition: str
    sequence: int
    event_time_ms: int
    arrays: dict[str, PackedArray]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Holds a model as it was at one moment of event time.

    Args:
        model: name of the model in models.yaml.
        definition: content hash of the model's definition; a snapshot of another definition must not be used.
        sequence: number of the publication, growing within a model.
        event_time_ms: end (exclusive) of what was learned, in ms since the epoch.
        arrays: arrays that `detectors.catalogue.score_from` takes.
    """

    model: str
    definition: str
    sequence: int
    event_time_ms: int
    arrays: Arrays

    @property
    def key(self) -> str:
        """Returns the key of the snapshot; a definition that returns finds what was learned for it."""
        return snapshot_key(self.model, self.definition)

    def encode(self) -> bytes:
        """Encodes the snapshot as MessagePack; equal snapshots give equal bytes.

        Raises:
            ValueError: the arrays are too large or have a dtype that cannot be encoded.
        """
        packed = pack_arrays({name: self.arrays[name] for name in sorted(self.arrays)})
        return msgspec.msgpack.encode(_Encoded(FORMAT, self.model, self.definition, self.sequence, self.event_time_ms, packed))

    @staticmethod
    def decode(value: bytes) -> "Snapshot":
        """Decodes a snapshot from bytes of any origin: nothing in them is executed.

        Raises:
            ValueError: the bytes are too many, are no snapshot, or have another format version.
        """
        if len(value) > BYTES_MAX + (1 << 20):
            raise ValueError(f"expected a snapshot of at most {BYTES_MAX + (1 << 20)} bytes, got {len(value)}")
        try:
            encoded = msgspec.msgpack.decode(value, type=_Encoded)
        except msgspec.MsgspecError as error:
            raise ValueError(f"not a snapshot: {error}") from error
        if encoded.format != FORMAT:
            raise ValueError(f"expected a snapshot of format {FORMAT}, got {encoded.format}")
        if max(len(encoded.model), len(encoded.definition)) > NAME_CHARACTERS_MAX:
            raise ValueError(f"expected a snapshot with names of at most {NAME_CHARACTERS_MAX} characters, got a longer one")
        arrays = unpack_arrays(encoded.arrays)
        return Snapshot(encoded.model, encoded.definition, encoded.sequence, encoded.event_time_ms, arrays)


def snapshot_key(model: str, definition: str) -> str:
    """Returns the key of the snapshots of a model with one definition."""
    return f"{model}/{definition}"
