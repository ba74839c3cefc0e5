"""What a receiver gets: ``{"type": …, "timestamp": …, "data": …}``, as Standard Webhooks 1.0 says, within its bound of 20 KB."""

import datetime
import functools
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from foundation.refusal import Refusal
from stores.casework.deliveries import Message

BODY_BYTES_MAX = 20_000
TYPE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*", re.ASCII)


def message_of(id: str, type: str, key: str, at_ms: int, data: Mapping[str, Any], links: Mapping[str, Any]) -> Message:
    """Returns a message with both of its bodies. `id` stands for what is told, so that the same is always told by the same message.

    Args:
        id: without the prefix that ids of messages have.
        key: what the message is about; see `stores.casework.deliveries.Message`.
        type, at_ms, data, links: see `body_of`.

    Raises:
        Refusal: see `body_of`.
    """
    return Message(message_id(id), type, key, at_ms, body_of(type, at_ms, data, links), body_of(type, at_ms, links, links))


def message_id(id: str) -> str:
    """Returns the id of the message that tells of `id`, see `message_of`."""
    return f"msg_{id}"


def body_of(type: str, at_ms: int, data: Mapping[str, Any], links: Mapping[str, Any]) -> bytes:
    """Returns the body of a message as JSON.

    Args:
        type: what happened, in words with dots between, such as ``alert.opened``.
        at_ms: when it happened, ms since the epoch.
        data: all that is told of it.
        links: the part of `data` by which a receiver can ask for the rest. It is sent instead where `data` is too large, with
            ``"is_shortened": true``.

    Raises:
        Refusal: the type is no such text, or even `links` are too large.
    """
    if TYPE.fullmatch(type) is None:
        raise Refusal("not a type of messages", where="type", expected="lower-case words with dots between, such as alert.opened", got=type)
    whole = _encoded(type, at_ms, data)
    if len(whole) <= BODY_BYTES_MAX:
        return whole
    short = _encoded(type, at_ms, {**links, "is_shortened": True})
    if len(short) > BODY_BYTES_MAX:
        raise Refusal("a message is too large", where=type, expected=f"at most {BODY_BYTES_MAX} bytes", got=f"{len(short)} bytes")
    return short


def _encoded(type: str, at_ms: int, data: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode({"type": type, "timestamp": _timestamp(at_ms), "data": data})


@functools.lru_cache(maxsize=16)
def _timestamp(at_ms: int) -> str:
    """The time in words; what is told together has the same."""
    return datetime.datetime.fromtimestamp(at_ms / 1_000, datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
