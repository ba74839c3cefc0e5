"""JSON objects that have one key twice: which of the two values counts would depend on who reads them."""

import json
from typing import NoReturn

import msgspec

from foundation.refusal import Refusal

_ENDS_OF_KEYS = (b'":', b" :", b"\t:", b"\n:", b"\r:")
"""Each key ends in one of these, while colons in texts mostly do not."""
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def refuse_repeated_keys(value: bytes, keys_least: int = 0) -> None:
    """Refuses JSON in which an object, at any depth, has one key twice. `value` must be JSON that can be decoded.

    Args:
        value: the JSON, an object or a list of them.
        keys_least: keys that are known to be different, so that a `value` with no more colons has no key twice. Then this costs a
            tenth of a microsecond, without nested objects and colons in texts half a microsecond, otherwise several.

    Raises:
        Refusal: a key is given twice. `where` is the key.
    """
    colons = value.count(b":")
    if colons <= keys_least or sum(map(value.count, _ENDS_OF_KEYS)) <= keys_least:
        return
    try:
        if value.lstrip()[:1] != b"{" or colons != len(_members(value)):
            json.loads(value.decode(), object_pairs_hook=_refuse_in, parse_int=_passed_over, parse_float=_passed_over)
    except Refusal:
        raise
    except (ValueError, RecursionError) as error:  # bytes that are no UTF-8, or objects in each other, in a field that nobody reads
        got = f"{type(error).__name__}: {value[:48]!r}"
        raise Refusal("not JSON", where="event", expected="one JSON object in UTF-8", got=got) from error


def _passed_over(number: str) -> None:
    """Numbers are not read, for Python takes long on long ones."""


def _refuse_in(pairs: list[tuple[str, object]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                _refuse(name)
            seen.add(name)


def _refuse(name: str) -> NoReturn:
    raise Refusal("key given twice", where=name or "event", expected="each key of an object once", got=name, remedy="send one of the two")
