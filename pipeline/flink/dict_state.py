"""Keeps keyed state in a dictionary, where no Flink is there to keep it."""

import numpy as np

from pipeline.wire.bulk_state import pack_deadlines, pack_profiles, unpack_changes, unpack_keys
from pipeline.wire.declaration import NO_TIME_MS


class DictState:
    """Implements `BulkState` with a dictionary; its answers are byte for byte those of the Java class."""

    def __init__(self) -> None:
        self.heads: dict[bytes, bytes] = {}
        self.pages: dict[bytes, dict[int, bytes]] = {}
        self.waiting: dict[bytes, int] = {}

    def read(self, keys: bytes) -> bytes:
        return pack_profiles([(self.heads.get(key), list(self.pages.get(key, {}).items())) for key in unpack_keys(keys)])

    def write(self, keys: bytes, changes: bytes) -> None:
        names = unpack_keys(keys)
        heads, pages, dropped = unpack_changes(changes)
        self.heads.update(zip(names, heads, strict=True))
        for position, number, page in pages:
            self.pages.setdefault(names[position], {})[number] = page
        for position, number in dropped:
            self.pages.get(names[position], {}).pop(number, None)

    def deadlines(self) -> bytes:
        return pack_deadlines(self.waiting)

    def mark(self, keys: bytes, deadlines: bytes) -> None:
        self.waiting |= dict(zip(unpack_keys(keys), np.frombuffer(deadlines, "<i8").tolist(), strict=True))
        self.waiting = {key: deadline for key, deadline in self.waiting.items() if deadline != NO_TIME_MS}
