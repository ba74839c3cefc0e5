"""Makes ids that order as the times at which they were made: UUIDs of version 7 (RFC 9562)."""

import hashlib
import re
import uuid

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII)
"""An id as `uuid7` writes it."""


def uuid7(at_ms: int, seed: bytes) -> str:
    """Returns a UUID of version 7, in lower case. The same time and seed give the same id.

    Args:
        at_ms: ms since the epoch, below 2**48.
        seed: what tells it from others of the same time, such as a name of what it stands for, or random bytes.
    """
    chance = int.from_bytes(hashlib.sha256(seed).digest()[:10], "big")
    high, low = chance >> 62 & 0xFFF, chance & (1 << 62) - 1
    return str(uuid.UUID(int=(at_ms & (1 << 48) - 1) << 80 | 7 << 76 | high << 64 | 2 << 62 | low))
