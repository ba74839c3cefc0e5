"""Writes what is not accepted as a record of the topic ``dead-letters``."""

import base64

import msgspec

from foundation.refusal import Refusal

VALUE_BYTES_MAX = 11_000_000
"""A dead letter holds so many of the original bytes. With more, in base64, a broker would not take the record; the rest stays where it
came from."""


def dead_letter(refusal: Refusal, value: bytes, partition: int, offset: int, at_ms: int, **more: str) -> bytes:
    """Returns the record: the reason in its parts, the original bytes in base64, and in `bytes` how many there were.

    Args:
        value: the bytes that were not accepted; those beyond `VALUE_BYTES_MAX` are cut off.
        partition, offset: where the bytes are kept; -1 if that is not known.
        at_ms: when the broker got them, in ms of clock time; 0 if that is not known.
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
