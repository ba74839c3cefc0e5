"""What the worker and the process of a job say to each other: one order, then reports, then one outcome."""

from typing import Any

import msgspec

from foundation.settings import Settings
from stores.jobs import ResultFile


class Order(msgspec.Struct):
    """Tells the process what to do.

    Args:
        kinds: the module whose ``KINDS`` has the kind.
        kind: the name of the kind.
        parameters: as JSON.
        folder: the folder of the attempt.
        settings: the settings of the system.
    """

    kinds: str
    kind: str
    parameters: str
    folder: str
    settings: Settings


class Advanced(msgspec.Struct, tag=True):
    """Reports progress."""

    done: int
    total: int


class Finished(msgspec.Struct, tag=True):
    """The job is done; `found` is JSON."""

    found: str
    file: ResultFile | None


class Refused(msgspec.Struct, tag=True):
    """The job failed by a refusal with these fields."""

    fields: dict[str, Any]


class Stopped(msgspec.Struct, tag=True):
    """The job stopped because it was asked to."""


Message = Advanced | Finished | Refused | Stopped
encode = msgspec.msgpack.Encoder().encode


def decode_order(text: bytes) -> Order:
    """The order that the worker sent."""
    return msgspec.msgpack.decode(text, type=Order)


def decode_message(text: bytes) -> Message:
    """A message that the process of a job sent."""
    message: Message = msgspec.msgpack.decode(text, type=Message)
    return message
