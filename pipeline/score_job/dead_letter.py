"""What is not accepted, as a record of the topic ``dead-letters``."""

import base64

import msgspec

from foundation.refusal import Refusal

VALUE_BYTES_MAX = 11_000_000
"""More of the original bytes, in base64, would be no record that a broker takes; the rest stays where it came from."""


def dead_letter(refusal: Refusal, value: bytes, partition: int, offset: int, at_ms: int, **more: str) -> bytes:
    """The reason in its parts and the original bytes in base64, of which `bytes` says how many there were.

    Args:
        value: what was not accepted; what is beyond `VALUE_BYTES_MAX` is cut off.
        partition, offset: where it is kept; -1 where that is not known.
        at_ms: when the broker had it, clock time; 0 where that is not known.
        more: further fields, such as the topic.
    """
    record = {
        "reason": refusal.fields(),
        "value": base64.b64encode(value[:VALUE_BYTES_MAX]).decode(),
        "bytes": len(value),
        **more,
        "partition": partition,
        "offset": offset,
        "at": at_ms,
    }
    return msgspec.json.encode(record)
