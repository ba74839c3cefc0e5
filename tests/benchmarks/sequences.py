"""CPU time of sequences in slots: 100 rules over 100,000 keys, and 1,000 rules over 20,000, in batches of 256.

Rules have three steps, each fired by one of 50 types of events. Which steps an event fires is known before the time is taken, because
conditions are measured elsewhere. Each key has an event every 100 s, and a rule spans 10 minutes: about 6 events of a key count at a time.
Slots are found in the profile, read and written in place. In the second figure the profiles are written as bytes, too, each 16 batches,
which is about once for each event, into the buffer that leaves for the state; the engine writes a profile once 32,768 wait or a checkpoint
comes, and so more rarely. Answers are checked against brute force before. The yardstick, a sum of 100,000 whole numbers by numpy, is taken
before and after each figure.
"""

import json
import sys
import time

import numpy as np

from features.expressions.functions.types import Type
from features.expressions.syntax.parser import read_expression
from features.plan.plan_compiler import compile_plan
from features.profiles.profiles import Profiles
from features.schema.schema import read_schema
from foundation.number_arrays import Int64s
from foundation.place import Place, Source
from patterns.language.pattern import Condition, Sequence, Step
from patterns.sequences.plan.layout import RuleSequence
from patterns.sequences.sequences import Sequences

TYPES, BATCH, SPAN_MS, GAP_MS, INTERVAL_MS = 50, 256, 600_000, 300_000, 100_000
BARS = {(100, 100_000): 1.0, (1_000, 20_000): 3.0}
PLAN = compile_plan("user", True, [], [], read_schema("{id: id, time: {field: time}, user: user}"))
SAVED_BATCHES = 16


def rules_of(count: int, random: np.random.Generator) -> tuple[Sequences, Int64s]:
    """Rules of three steps, and [rules, 3] the types of events that fire them."""
    types = np.array([random.choice(TYPES, 3, replace=False) for _ in range(count)])
    rules = []
    for number, row in enumerate(types.tolist()):
        steps = tuple(Step(f"s{at}", _condition(f"event.t{type}"), gap_ms=GAP_MS) for at, type in enumerate(row))
        rules.append(RuleSequence(Sequence("user", SPAN_MS + number, steps, each=bool(number % 2))))
    return Sequences(rules), types


def _condition(text: str) -> Condition:
    return Condition(text, read_expression(Source(text, Place())), Type.BOOL, {text: Type.BOOL}, frozenset(), Place())


class Stream:
    """Events of many keys: their keys, times, and the steps that each fires."""

    def __init__(self, types: Int64s, keys: int, events: int, random: np.random.Generator) -> None:
        self.keys = random.integers(0, keys, events)
        self.kinds = random.integers(0, TYPES, events)
        self.times = 1_600_000_000_000 + np.arange(events) * INTERVAL_MS // keys
        self.ids = np.arange(events)
        self._steps_of = [np.flatnonzero(types.ravel() == kind) for kind in range(TYPES)]

    def batch(self, start: int, end: int) -> tuple[Int64s, Int64s]:
        """The fired steps of events [start, end)."""
        fired = [self._steps_of[kind] for kind in self.kinds[start:end]]
        return np.repeat(np.arange(len(fired)), [len(steps) for steps in fired]), np.concatenate(fired)


def run_stream(
    sequences: Sequences, stream: Stream, profiles: Profiles, slots: Int64s, timed_from: int, written: bool
) -> tuple[float, int, int]:
    """Seconds of CPU from event `timed_from` on, and how many steps fired and matched then."""
    late, values = np.zeros(BATCH, np.bool_), np.zeros((BATCH, 0))
    spent, fired_steps, matched = 0.0, 0, 0
    for number, start in enumerate(range(0, len(stream.keys) - BATCH + 1, BATCH)):
        end = start + BATCH
        fired = stream.batch(start, end)
        own = slots[stream.keys[start:end]]
        begun = time.process_time()
        found = sequences.take(profiles, own, stream.times[start:end], stream.ids[start:end], late, values, fired)
        taken = time.process_time() - begun
        if number % SAVED_BATCHES == SAVED_BATCHES - 1:
            recent = np.unique(slots[stream.keys[end - SAVED_BATCHES * BATCH : end]])
            profiles.slab.heads[recent, 2] = stream.times[end - 1]  # the newest time of a key, which observing the event would have written
            begun = time.process_time()
            if written:
                profiles.save(recent)
            else:
                profiles.sections.sparse.measured(recent)  # frees what has lapsed
            taken += time.process_time() - begun
        if start >= timed_from:
            spent += taken
            fired_steps += len(fired[0])
            matched += len(found.matches)
    return spent, fired_steps, matched


def yardstick_us() -> float:
    """Microseconds of CPU of a sum of 100,000 whole numbers, the median of 21."""
    numbers, taken = np.arange(100_000), []
    for _ in range(21):
        begun = time.process_time_ns()
        numbers.sum()
        taken.append((time.process_time_ns() - begun) / 1_000)
    return round(sorted(taken)[10], 1)


def measured(count: int, keys: int, events: int, written: bool) -> dict[str, object]:
    random = np.random.default_rng(count)
    sequences, types = rules_of(count, random)
    warm = 7 * keys
    stream = Stream(types, keys, warm + events, random)
    profiles = Profiles(PLAN, sequences.sections)
    slots = profiles.slots([str(key) for key in range(keys)])
    before = yardstick_us()
    spent, fired, matched = run_stream(sequences, stream, profiles, slots, warm, written)
    numbers = profiles.sections.sparse.arrays.numbers
    return {
        "rules": count,
        "keys": keys,
        "profiles written as bytes": written,
        "us an event": round(spent / events * 1e6, 3),
        "steps an event": round(fired / events, 2),
        "matches an event": round(matched / events, 2),
        "state MB": round(int(numbers[1]) * 64 / 1e6),
        "bytes a key": round(sum(map(len, profiles.save(slots[:1_000]).heads)) / 1_000) if written else None,
        "yardstick us": [before, yardstick_us()],
        "bar": BARS[count, keys],
    }


def check(events: int = 3_000) -> None:
    """The matches of a small stream are those of brute force: all ways to take three steps."""
    random = np.random.default_rng(1)
    sequences, types = rules_of(20, random)
    stream = Stream(types, 4, events, random)
    stream.times = 1_600_000_000_000 + np.cumsum(random.integers(0, 30_000, events))
    profiles = Profiles(PLAN, sequences.sections)
    slots = profiles.slots(list("abcd"))
    late, values = np.zeros(events, np.bool_), np.zeros((events, 0))
    found = sequences.take(profiles, slots[stream.keys], stream.times, stream.ids, late, values, stream.batch(0, events)).matches
    got = sorted((int(found.sequences[at]), [each.id_key for each in found.taken(at)]) for at in range(len(found)))
    wanted = [(rule, taken) for rule in range(20) for key in range(4) for taken in _brute(stream, types[rule], key, rule)]
    if got != sorted(wanted) or not got:
        raise AssertionError("sequences in slots differ from brute force")


def _brute(stream: Stream, types: Int64s, key: int, rule: int) -> list[list[int]]:
    found: list[list[int]] = []
    own = [at for at in np.flatnonzero(stream.keys == key).tolist() if stream.kinds[at] in types]
    first = 0
    for place, last in enumerate(own):
        if stream.kinds[last] != types[2]:
            continue
        near = [at for at in own[first:place] if stream.times[last] - stream.times[at] <= SPAN_MS + rule]
        taken = [
            (one, two)
            for two in near
            if stream.kinds[two] == types[1] and stream.times[last] - stream.times[two] <= GAP_MS
            for one in near
            if stream.kinds[one] == types[0] and one < two and stream.times[two] - stream.times[one] <= GAP_MS
        ]
        if taken:
            found.append([*max(taken, key=lambda pair: (pair[0], pair[1])), last])
            if not rule % 2:
                first = place + 1
    return found


def run(events: int = 200_000) -> list[dict[str, object]]:
    """Checks, then measures."""
    check()
    return [measured(count, keys, events, written) for count, keys in BARS for written in (False, True)]


if __name__ == "__main__":
    results = run(*(int(argument) for argument in sys.argv[1:]))
    json.dump(results, sys.stdout, indent=1)
    sys.exit(0 if all(float(str(each["us an event"])) <= float(str(each["bar"])) for each in results) else 1)
