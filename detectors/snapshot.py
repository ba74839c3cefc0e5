"""What a learner publishes: numbered, dated, and bytes that hold nothing but arrays."""

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
    """A model as it was at one moment of event time.

    Args:
        model: name in models.yaml.
        definition: content hash of the model's definition; a snapshot of another one is not to be used.
        sequence: number of the publication, growing within a model.
        event_time_ms: what was learned lies before this, ms since epoch.
        arrays: what `detectors.catalogue.score_from` takes.
    """

    model: str
    definition: str
    sequence: int
    event_time_ms: int
    arrays: Arrays

    @property
    def key(self) -> str:
        """What it is kept under: a definition that comes back finds what was learned for it."""
        return snapshot_key(self.model, self.definition)

    def encode(self) -> bytes:
        """MessagePack; the same snapshot gives the same bytes.

        Raises:
            ValueError: arrays too large or of a dtype that does not travel.
        """
        packed = pack_arrays({name: self.arrays[name] for name in sorted(self.arrays)})
        return msgspec.msgpack.encode(_Encoded(FORMAT, self.model, self.definition, self.sequence, self.event_time_ms, packed))

    @staticmethod
    def decode(value: bytes) -> "Snapshot":
        """A snapshot from its bytes, of any origin: nothing in them is executed.

        Raises:
            ValueError: too large, not of this form, or of another format version.
        """
        if len(value) > BYTES_MAX + (1 << 20):
            raise ValueError(f"snapshot of {len(value)} bytes; at most {BYTES_MAX + (1 << 20)}")
        try:
            encoded = msgspec.msgpack.decode(value, type=_Encoded)
        except msgspec.MsgspecError as error:
            raise ValueError(f"not a snapshot: {error}") from error
        if encoded.format != FORMAT:
            raise ValueError(f"snapshot of format {encoded.format}; this version reads {FORMAT}")
        if max(len(encoded.model), len(encoded.definition)) > NAME_CHARACTERS_MAX:
            raise ValueError(f"snapshot whose names are longer than {NAME_CHARACTERS_MAX} characters")
        arrays = unpack_arrays(encoded.arrays)
        return Snapshot(encoded.model, encoded.definition, encoded.sequence, encoded.event_time_ms, arrays)


def snapshot_key(model: str, definition: str) -> str:
    """The key of the snapshots of a model of one definition."""
    return f"{model}/{definition}"
