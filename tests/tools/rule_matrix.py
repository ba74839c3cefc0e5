"""One stream and one set of rules, to be decided in every way that the system has, and what compares the ways. For tests only."""

import functools
import random
from collections.abc import Iterator, Mapping, Sequence

import msgspec
from decided_case import Case, Json, Outcome

from deploy.command import SAMPLES
from deploy.demo.attacks import Attacks
from deploy.demo.payments import Town
from foundation.content_hash import content_hash
from patterns.entries import Change, Entry
from patterns.language.pattern import STATUSES
from patterns.lifecycle.manifest import MANIFEST, PATTERN_PREFIX, Standing, manifest_text
from patterns.list_text import values_of_lists
from pipeline.trial.configuration_folder import read_texts

NOW_MS = 1_660_010_000_000
CUSTOMERS, TERMINALS = 120, 40
SECONDS, RATE = 120, 8
"""How long the live payments last, and how many ordinary ones there are a second."""
LESSON_DAYS = 0.02
"""Half an hour: each thirty seconds of it make a snapshot, and over a day most of these would come of one payment each."""
WATCHED = tuple(f"d{number:06d}" for number in range(4))
STEPS = """
title: Small payments, then a large one
owner: tests
status: active
severity: {severity}
sequence:
  key: {key}
  within: 8h
  steps:
    - {{name: small, when: event.amount < 25.0, times: 2+}}
    - {{name: large, when: event.amount > 3.0 * small.mean(event.amount), gap: 2h}}
  until: event.kind == "refund"
then: {{action: {action}, reason: "{{small.count}} of {{small.mean(event.amount)}}, then {{event.amount}}"}}
"""
SILENCE = """
title: A large payment, and then nothing
owner: tests
status: {status}
sequence:
  key: {key}
  within: 8h
  steps:
    - {{name: large, when: event.amount > 60.0}}
    - {{name: small, when: event.amount < 40.0, absent: true, gap: 30s}}
then: {{reason: "{{large.first(event.amount)}}, then nothing"}}
"""
LEARNED = """
title: More than is usual for the customer
owner: tests
status: active
adaptive:
  usual: {of: event.amount, rate: 1/30, cohort: event.merchant_category, half_life: 30d, floor: 5.0}
when: event.amount > adaptive.usual
then: {action: review, adjust: 0.5, tag: unusual, reason: "{event.amount}, where {adaptive.usual} is much"}
"""
LISTED = """
title: A device that is watched
owner: tests
status: active
severity: low
when: event.device_id in list.watched
then: {adjust: 1.5, tag: watched, list: {add: event.customer_id, to: customers_seen, for: 7d}}
"""
BOUNDED = """
title: Small amounts
owner: tests
status: active
when: event.amount < 12.0
exceptions: [{when: event.merchant_category == "fuel", owner: a, reason: a test, expires: 2100-01-01}]
budget: {matches: 25, per: 1m, then: shadow}
then: {adjust: -0.2}
"""
LEARNING = "more_than_usual"
"""The rule whose matches depend on what was decided before: its user learns from what was approved alone."""
PLANTED = {
    "steps_of_customer": STEPS.format(key="customer_id", action="review", severity="high"),
    "steps_of_terminal": STEPS.format(key="terminal_id", action="block", severity="medium"),
    "silent_customer": SILENCE.format(key="customer_id", status="active"),
    "silent_terminal": SILENCE.format(key="terminal_id", status="shadow"),
    LEARNING: LEARNED,
    "watched_device": LISTED,
    "small_amounts": BOUNDED,
}
AWAITING = ("silent_customer", "silent_terminal")
"""Rules that tell of an absence, and match no event."""


@functools.cache
def sample_texts() -> dict[str, str]:
    """The sample `payments` with the planted rules and lists."""
    planted = {PATTERN_PREFIX + id: text for id, text in PLANTED.items()}
    return {**read_texts(SAMPLES / "payments"), **planted, "list:watched": "\n".join(WATCHED), "list:customers_seen": ""}


def rules_in(texts: Mapping[str, str]) -> dict[str, str]:
    """The texts of the rules, by id."""
    return {part.removeprefix(PATTERN_PREFIX): text for part, text in texts.items() if part.startswith(PATTERN_PREFIX)}


def without(texts: Mapping[str, str], *rules: str) -> dict[str, str]:
    """The texts without some of the rules."""
    return {part: text for part, text in texts.items() if part not in {PATTERN_PREFIX + id for id in rules}}


def standing(texts: Mapping[str, str], status: str, share: float = 1.0) -> dict[str, str]:
    """The texts with a manifest by which all rules have one status."""
    assert status in STATUSES
    standings = {id: Standing(content_hash(text), status, share, "tests") for id, text in rules_in(texts).items()}
    return {**texts, MANIFEST: manifest_text(standings)}


@functools.cache
def stream(seed: int = 5) -> tuple[bytes, ...]:
    """Payments with attacks among them, in the order of (time, id)."""
    town = Town(seed, CUSTOMERS, TERMINALS)
    attacks = Attacks(town, every_seconds=4.0)
    payments = [*town.long_ago(NOW_MS), *town.history(NOW_MS, 2.0, 600, RATE)]
    for ms in range(NOW_MS, NOW_MS + SECONDS * 1000, 1000 // RATE):
        payments += [*(payment for payment, _ in attacks.due(ms)), town.ordinary(ms)]
    return tuple(payment.encode() for payment in sorted(payments, key=lambda payment: (payment.at, payment.payment_id)))


@functools.cache
def lesson() -> tuple[bytes, ...]:
    """Payments of a week before, from which the snapshots are learned."""
    town = Town(9, CUSTOMERS, TERMINALS, first_id=1_000_000)
    return tuple(payment.encode() for payment in town.history(NOW_MS - 7 * 86_400_000, LESSON_DAYS, 5_000, 25))


@functools.cache
def lesson_and_stream() -> tuple[bytes, ...]:
    """Both, in the order of (time, id)."""
    events = [(msgspec.json.decode(value), value) for value in (*lesson(), *stream())]
    return tuple(value for _, value in sorted(events, key=lambda pair: (pair[0]["at"], pair[0]["payment_id"])))


def case_of(texts: Mapping[str, str] | None = None, values: Sequence[bytes] | None = None, taught: bool = True) -> Case:
    """The stream under these texts.

    Args:
        taught: models and thresholds have learned the lesson, and learn no more; otherwise they learn, and it comes among the events.
    """
    texts = sample_texts() if texts is None else texts
    listed = values_of_lists({part: text for part, text in texts.items() if part.startswith("list:")})
    entries = [Change(name, value, Entry(name, value)) for name, values in listed.items() for value in values]
    if values is None:
        values = stream() if taught else lesson_and_stream()
    return Case(texts, values, lesson=lesson() if taught else (), entries=entries)


def differences(one: Sequence[Json], other: Sequence[Json]) -> list[str]:
    """Where the decisions of two ways differ, by event and column, bit for bit; a decision that is made again must equal the first one."""
    ours, theirs = _by_event(one), _by_event(other)
    found = [*_made_again(one, ours), *_made_again(other, theirs)]
    found += [f"event {id}: decided by one way alone" for id in sorted(ours.keys() ^ theirs.keys(), key=int)]
    for id in sorted(ours.keys() & theirs.keys(), key=int):
        found += [f"event {id}: {said}" for said in _differing(ours[id], theirs[id])]
    return found


def _by_event(decisions: Sequence[Json]) -> dict[str, Json]:
    return {str(decision["event_id"]): decision for decision in reversed(decisions)}


def _made_again(decisions: Sequence[Json], first: Mapping[str, Json]) -> Iterator[str]:
    for decision in decisions:
        again = _differing(first[str(decision["event_id"])], decision)
        yield from (f"event {decision['event_id']}, decided again: {said}" for said in again)


def _differing(one: Json, other: Json) -> Iterator[str]:
    for column in sorted(one.keys() | other.keys()):
        ours, theirs = one.get(column), other.get(column)
        if ours == theirs:
            continue
        if isinstance(ours, dict) and isinstance(theirs, dict):
            yield from (f"{column}.{said}" for said in _differing(ours, theirs))
        elif column == "matches":
            yield from (f"matches.{said}" for said in _differing(_by_rule(ours), _by_rule(theirs)))
        else:
            yield f"{column}: {ours} and {theirs}"


def _by_rule(matches: object) -> Json:
    assert isinstance(matches, list)
    return {"order": [match["pattern"] for match in matches], **{match["pattern"]: match for match in matches}}


def watched(decisions: Sequence[Json], *left_out: str) -> list[Json]:
    """What was matched, whatever it did: rules, their texts, the values and events that they found, by the event."""
    named = ("pattern", "version", "action", "values", "events")
    return [
        {
            "event_id": decision["event_id"],
            "matches": sorted(
                ({name: match[name] for name in named if name in match} for match in matches if match["pattern"] not in left_out),
                key=lambda match: str(match["pattern"]),
            ),
        }
        for decision in decisions
        if isinstance(matches := decision["matches"], list)
    ]


def matched(outcome: Outcome) -> dict[str, int]:
    """How often each rule matched, or told of an absence."""
    counts: dict[str, int] = {}
    for decision in outcome.decisions:
        for match in decision["matches"]:  # type: ignore[attr-defined]
            counts[match["pattern"]] = counts.get(match["pattern"], 0) + 1
    for absence in outcome.absences.values():
        counts[str(absence["pattern"])] = counts.get(str(absence["pattern"]), 0) + 1
    return counts


def planted_error(decisions: Sequence[Json], seed: int = 1) -> tuple[list[Json], str]:
    """The decisions with one value of one match moved by the least bit, and what has to be said of it."""
    planted = [dict(decision) for decision in decisions]
    at = random.Random(seed).choice([at for at, decision in enumerate(planted) if _values(decision)])
    first, *others = planted[at]["matches"]  # type: ignore[misc]
    name, value = next(iter(_values(planted[at]).items()))
    wrong = value * (1.0 + 2.0**-52)
    planted[at]["matches"] = [{**first, "values": {**first["values"], name: wrong}}, *others]
    return planted, f"event {planted[at]['event_id']}: matches.{first['pattern']}.values.{name}: {value} and {wrong}"


def _values(decision: Json) -> dict[str, float]:
    matches = decision["matches"]
    assert isinstance(matches, list)
    return {name: value for name, value in matches[0]["values"].items() if isinstance(value, float) and value} if matches else {}
