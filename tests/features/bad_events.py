"""A good event, and events that are each bad in one way, with the field that is to blame. For tests only."""

import json

SCHEMA = """
id: {field: id, type: integer}
time: {field: ts, unit: ms}
user: customer
entities: [terminal, card.token]
fields:
  amount: {type: decimal, retain: true}
  ratio: {type: float, required: false}
  items: {type: integer, required: false}
  online: {type: boolean, required: false}
  category: {type: string}
  note: {type: string, required: false}
"""
NOW = 1_700_000_000_000
GOOD = {
    "id": 7,
    "ts": NOW,
    "customer": "c-1",
    "terminal": 12,
    "card": {"token": "t", "issuer": "ignored"},
    "amount": 10.05,
    "items": 3,
    "online": True,
    "category": "books",
    "extra": [1, {"a": None}],
}


def bad_events(arrival_ms: int) -> dict[str, tuple[bytes, str]]:
    """The bytes and the field, by what is wrong; the times are bad for events that come at `arrival_ms`."""
    found: dict[str, tuple[object, str]] = {
        "bytes that are no JSON": (b"\x00\xffhello", "event"),
        "nothing": (b"", "event"),
        "half an event": (json.dumps(GOOD).encode()[:-5], "event"),
        "two events": (json.dumps(GOOD).encode() * 2, "event"),
        "a list": (b"[1, 2]", "event"),
        "a number": (b"3", "event"),
        "null": (b"null", "event"),
        "text that is not UTF-8": (json.dumps(GOOD).replace("books", "b?oks").encode().replace(b"?", b"\xff"), "event"),
        "a lone surrogate": (json.dumps(GOOD).replace("books", "\\ud800").encode(), "event"),
        "nested too deep": (b'{"extra":' + b"[" * 100_000, "event"),
        "ten megabytes": (b'{"x":"' + b"a" * 10_000_000 + b'"}', "event"),
        "no amount": ({**GOOD, "amount": ...}, "amount"),
        "no id": ({**GOOD, "id": ...}, "id"),
        "no user": ({**GOOD, "customer": ...}, "customer"),
        "an empty user": ({**GOOD, "customer": ""}, "customer"),
        "a user that is null": ({**GOOD, "customer": None}, "customer"),
        "a user of 513 characters": ({**GOOD, "customer": "c" * 513}, "customer"),
        "a text for an id": ({**GOOD, "id": "7"}, "id"),
        "an id that is a fraction": ({**GOOD, "id": 7.5}, "id"),
        "an id of 65 bits": ({**GOOD, "id": 1 << 64}, "id"),
        "an amount with three digits": ({**GOOD, "amount": 10.005}, "amount"),
        "an amount as a text with three digits": ({**GOOD, "amount": "10.005"}, "amount"),
        "an amount of 1e400": (json.dumps(GOOD).replace("10.05", "1e400").encode(), "amount"),
        "an amount of NaN": (json.dumps(GOOD).replace("10.05", "NaN").encode(), "event"),
        "an amount of Infinity": (json.dumps(GOOD).replace("10.05", "-Infinity").encode(), "event"),
        "an amount of NaN as a text": ({**GOOD, "amount": "NaN"}, "amount"),
        "an amount of Infinity as a text": ({**GOOD, "amount": "inf"}, "amount"),
        "a huge amount as a text": ({**GOOD, "amount": "1e999999999"}, "amount"),
        "an amount beyond 10**15 minor units": ({**GOOD, "amount": 10**13 + 1}, "amount"),
        "an amount of a thousand digits": (json.dumps(GOOD).replace("10.05", "9" * 1000).encode(), "amount"),
        "an amount that is true": ({**GOOD, "amount": True}, "amount"),
        "an amount in a list": ({**GOOD, "amount": [1]}, "amount"),
        "a huge ratio": ({**GOOD, "ratio": 1e300}, "ratio"),
        "more items than a float64 holds": ({**GOOD, "items": (1 << 53) + 1}, "items"),
        "a number for a truth": ({**GOOD, "online": 1}, "online"),
        "a number for a text": ({**GOOD, "category": 5}, "category"),
        "a text for an object": ({**GOOD, "card": "t"}, "card"),
        "a wrong type within an object": ({**GOOD, "card": {"token": 1.5}}, "card.token"),
        "the far future": ({**GOOD, "ts": arrival_ms + 300_001}, "ts"),
        "the year a billion": ({**GOOD, "ts": 10**30}, "ts"),
        "before 1970": ({**GOOD, "ts": -1}, "ts"),
        "seconds for milliseconds": ({**GOOD, "ts": arrival_ms // 1_000}, "ts"),
        "a time as a text": ({**GOOD, "ts": "2024-01-01"}, "ts"),
        "an unknown operation": ({**GOOD, "op": "delete"}, "op"),
        "an operation in capitals": ({**GOOD, "op": "ADD"}, "op"),
        "an empty operation": ({**GOOD, "op": ""}, "op"),
        "an operation that is null": ({**GOOD, "op": None}, "op"),
        "an operation that is a number": ({**GOOD, "op": 1}, "op"),
    }
    return {what: (_encoded(value), where) for what, (value, where) in found.items()}


def _encoded(value: object) -> bytes:
    """The event as JSON, without the fields that are `...`."""
    if isinstance(value, dict):
        return json.dumps({name: item for name, item in value.items() if item is not ...}).encode()
    assert isinstance(value, bytes)
    return value
