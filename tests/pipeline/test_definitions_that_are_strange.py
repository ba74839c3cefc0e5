"""Definitions made strange at random: each is refused as what it is, or it decides on whatever comes."""

import copy
import functools
import pathlib
import random
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest
import yaml
from example_counts import examples
from imitation import Imitation

from features.refusal import Refusal
from pipeline.isolation import RAISED
from pipeline.release import Release
from pipeline.trial import synthetic_events, try_release

SAMPLES = sorted(pathlib.Path("deploy/samples").iterdir())
PARTS = ("schema", "features", "models", "policy")
NAMES = [
    "a.b",
    "_",
    "__class__",
    "class",
    "é",
    "ß\u0301",
    "x" * 129,
    "x" * 5_000,
    "",
    " ",
    "op",
    "event",
    "feature.x",
    "0",
    "a..b",
    "\0",
    "💥",
]
NUMBERS = [0, -0.0, -1, 1, 2, 63, 64, 127, 128, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63), 10**30, 10**400, 1e308, 5e-324]
NUMBERS += [float("inf"), float("nan")]
DURATIONS = ["0s", "-1m", "1ms", "1s", "7d", "90d", "9999999d", "99999999999999999999d", "1.5h", "1h30m", "h", "1 h", "1w"]
WINDOWS: list[Any] = [
    *DURATIONS,
    {"length": "1h", "delay": "1m"},
    {"length": "1h", "delay": "9999d"},
    {"length": 10},
    {"events": 10},
    {"half_life": "1h"},
]
TYPES = ["decimal", "float", "integer", "boolean", "string", "list", "rfc3339", "us", "s", "ms", "user", "global", "river"]
VALUES: list[Any] = [*NAMES, *NUMBERS, *DURATIONS, *TYPES, None, True, False, [], {}, [[]], {"a": {}}, ["a", "a"], {1: 2}, [None]]
TEMPLATES = sorted(path.stem for path in pathlib.Path("features/templates").glob("[a-z]*.py"))
OPERATORS = ["+", "-", "*", "/", "%", "<", "<=", "==", "!=", "&&", "||", " in ", ".", "?"]
TERMS = [
    "event.amount",
    "feature.payments_1m",
    "event.currency",
    "1",
    "1.5",
    "0.0",
    "-9223372036854775808",
    "1e308",
    "'é'",
    "true",
    "null",
    "[]",
]
CALLS = ["double({})", "int({})", "size({})", "!{}", "-{}", "({})", "string({})", "has({})", "[{0}, {0}]", "{0} ? {0} : {0}", "math.ln({})"]


def expression(draw: random.Random, depth: int = 0) -> str:
    kind = draw.random()
    if depth > 4 or kind < 0.4:
        return draw.choice(TERMS)
    if kind < 0.7:
        return draw.choice(CALLS).format(expression(draw, depth + 1))
    return expression(draw, depth + 1) + draw.choice(OPERATORS) + expression(draw, depth + 1)


def feature(draw: random.Random, schema: Any) -> dict[str, Any]:
    fields = schema.get("fields") if isinstance(schema, dict) else None
    columns = [f"event.{name}" for name in (fields if isinstance(fields, dict) else ["amount"])]
    made: dict[str, Any] = {"name": f"f{draw.randrange(10**6)}", "template": draw.choice(TEMPLATES), "window": draw.choice(WINDOWS)}
    options = {
        "value": draw.choice(columns) if columns else "event.x",
        "entity": draw.choice(["terminal_id", "device_id", ["terminal_id", "device_id"], "section", *NAMES]),
        "expression": expression(draw),
        "where": expression(draw),
        "half_life": draw.choice(DURATIONS),
        "include_current": draw.choice([True, False]),
        "part": draw.choice(["hour", "weekend", "weekday", "month"]),
        "zone": draw.choice(["UTC", "Europe/Berlin", "../etc", ""]),
        "between": draw.choice([[0, 5], [23, 1], [-1, 99], [1], []]),
        "of": draw.choice(columns) if columns else "event.x",
    }
    for name in draw.sample(sorted(options), draw.randrange(1, 5)):
        made[name] = options[name]
    if draw.random() < 0.3:
        del made["window"]
    return made


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container below `value` with each of its keys."""
    for key in list(value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)):
        yield value, key
        yield from places(value[key])


def changed(draw: random.Random, tree: Any) -> None:
    """Changes one value, key or order somewhere in `tree`."""
    known = list(places(tree))
    if not known:
        return
    holder, key = draw.choice(known)
    what = draw.randrange(6)
    if what == 0:
        del holder[key]
    elif what == 1 and isinstance(holder, dict):
        holder[draw.choice(NAMES)] = holder.pop(key)
    elif what == 2:
        other, at = draw.choice(known)
        holder[key] = copy.deepcopy(other[at]) if at in (other if isinstance(other, dict) else range(len(other))) else None
    elif what == 3 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    elif isinstance(holder[key], int | float) and draw.random() < 0.7:
        holder[key] = draw.choice(NUMBERS)
    else:
        holder[key] = draw.choice(VALUES + WINDOWS)


def bytes_changed(draw: random.Random, text: str) -> str:
    at = draw.randrange(len(text) + 1)
    cut = at + draw.choice([0, 0, 1, 3, 20])
    return (
        text[:at]
        + draw.choice(["", "\t", "\0", "&a ", "*a", "!!python/name:os ", "{", "]", ": ", "\n", "- ", "'", "é", "9" * 30])
        + text[cut:]
    )


@functools.cache
def sample(folder: pathlib.Path) -> dict[str, str]:
    return {part: (folder / f"{part}.yaml").read_text() for part in PARTS}


@functools.cache
def trees(folder: pathlib.Path) -> dict[str, Any]:
    return {part: yaml.load(text, Loader=yaml.CSafeLoader) for part, text in sample(folder).items()}


def strange_texts(draw: random.Random) -> dict[str, str]:
    """A sample of which one or two parts are changed; the others stay as they are, and need not be compiled again."""
    folder = draw.choice(SAMPLES)
    texts = dict(sample(folder))
    for part in draw.choices(PARTS, weights=(2, 5, 2, 2), k=draw.choice([1, 1, 1, 2])):
        if draw.random() < 0.25:
            texts[part] = bytes_changed(draw, texts[part])
            continue
        tree = copy.deepcopy(trees(folder)[part])
        if part == "features" and draw.random() < 0.6:
            tree += [feature(draw, trees(folder)["schema"]) for _ in range(draw.choice([1, 1, 2]))]
        else:
            for _ in range(draw.choice([1, 1, 2, 3])):
                changed(draw, tree)
        texts[part] = yaml.dump(tree, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True)
    return texts


def nasty_events(draw: random.Random, release: Release) -> list[bytes]:
    """Valid events, twice, corrected, retracted, late and with wrong, extreme and missing values."""
    valid = [msgspec.json.decode(value) for value in synthetic_events(release.schema)]
    made = [*valid, valid[0], *({**event, "op": op} for event in valid for op in ("correct", "retract", "x"))]
    for _ in range(12):
        event = copy.deepcopy(draw.choice(valid))
        for _ in range(draw.choice([1, 1, 2])):
            holder, key = draw.choice(list(places(event)) or [(event, "x")])
            values = [0, -1, 1, 2**53, 2**63 - 1, -(2**63), 2**64, 1e308, -1e308, 1e-320, "", "\0", "é" * 300, None, True, [], {}, "1.5"]
            values += [1_600_000_000_000 + draw.randrange(-(10**9), 10**9), "2020-09-13T12:00:00Z", "9999-12-31T23:59:59Z"]
            holder[key] = draw.choice(values)
        made.append(event)
    return [*map(msgspec.json.encode, made), b"", b"{}", b"[]", b"null", b"\xff", b'{"a":NaN}']


def check(release: Release, texts: dict[str, str], draw: random.Random) -> None:
    """That each event ends, and none in an exception that nobody foresaw."""
    job = Imitation()
    job.release(1, texts)
    events = nasty_events(draw, release)
    for at in range(0, len(events), 5):
        job.events(events[at : at + 5], at_ms=1_600_000_001_000 + at)
    job.checkpoint()
    letters: Sequence[Any] = [msgspec.json.decode(value) for _, value in job.out.get("X", [])]
    assert [letter["reason"] for letter in letters if letter["reason"]["what"] == RAISED] == []
    ends = len(job.decisions()) + len(letters) + len(job.out.get("T", []))
    assert 0 < ends <= len(events)  # one that says the same again ends in nothing


def outcome(seed: int) -> str:
    """Of the definitions that `seed` makes: accepted, or the words of the refusal."""
    draw = random.Random(seed)
    texts = strange_texts(draw)
    try:
        release = try_release(texts)
    except Refusal as refusal:
        return str(refusal)
    check(release, texts, draw)
    return "accepted"


@pytest.mark.parametrize("block", range(2))
def test_strange_definitions_are_refused_or_decide_on_whatever_comes(block: int) -> None:
    count = examples(20)
    outcomes = []
    for seed in range(block * 1_000_000, block * 1_000_000 + count):
        try:
            outcomes.append(outcome(seed))
        except Exception as error:
            raise AssertionError(f"the definitions of seed {seed} raise") from error
    assert [said for said in outcomes if "release does not decide" in said and "Error" in said] == []
    assert 0 < outcomes.count("accepted") < count
