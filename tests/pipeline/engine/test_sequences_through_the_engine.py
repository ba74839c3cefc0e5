"""Rules with sequences give through the whole engine the matches of a matcher that keeps every partial match, whatever their key is."""

import itertools
from collections.abc import Sequence as Ordered
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from imitation import Imitation

from features.schema.batch import Batch
from features.schema.decode import Decoder
from patterns.rules.keyed.sequence_beginnings import lacks_history
from patterns.rules.rule_set import RuleSet
from pipeline.engine.definitions.release import Release, compile_release
from pipeline.engine.scorer import Scorer
from tests.patterns.sequences.sequence_oracle import Oracle, PlainSequence, PlainStep, Seen
from tests.patterns.sequences.test_sequences_against_brute_force import (
    Ask,
    asking_sequences,
    sequences,
    shown,
    streams,
    wanted,
)

pytestmark = pytest.mark.slow

TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [device]
fields:
  a: {type: boolean}
  b: {type: boolean}
  c: {type: boolean}
  d: {type: boolean}
  z: {type: boolean}
  until: {type: boolean}
  gate: {type: boolean}
  x: {type: float, required: false}
  t: {type: string, required: false}
lateness: 10m
""",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.x]}",
    "policy": "{score: first_ready(own), bands: [{action: approve}], fallback: {action: approve}}",
}
KEYS = ("who", "device")
Match = tuple[int, tuple[tuple[int, int], ...]]


def step_text(step: PlainStep) -> str:
    ask = step.reads
    when = f"event.{step.name} && {ask.text}" if isinstance(ask, Ask) else f"event.{step.name}"
    parts = [f"name: {step.name}", f'when: "{when}"']
    if not step.absent and (step.least, step.most) != (1, 1):
        parts.append(f"times: {step.least}{'+' if step.most is None else '' if step.most == step.least else f'..{step.most}'}")
    parts += [f"gap: {step.gap}ms"] if step.gap is not None else []
    parts += [f"{word}: true" for word in ("optional", "absent") if getattr(step, word)]
    return "{" + ", ".join(parts) + "}"


def rule_text(plain: PlainSequence, key: str) -> str:
    asks = [step.reads for step in plain.steps if isinstance(step.reads, Ask)]
    lines = ["title: Steps", "owner: tests", "status: active", "when: event.gate", f"missing: {asks[0].missing.value if asks else 'false'}"]
    lines += ["sequence:", f"  key: {key}", f"  within: {plain.within}ms", "  until: event.until"]
    lines += [f"  order: {'listed' if plain.ordered else 'any'}", f"  select: {'strict' if plain.strict else 'relaxed'}"]
    lines += [f"  emit: {'each' if plain.each else 'first'}", "  steps:", *(f"    - {step_text(step)}" for step in plain.steps)]
    return "\n".join(lines) + "\n"


def written(plain: PlainSequence) -> PlainSequence:
    """The sequence as the language can say it: one `missing` for the whole rule, and no gap that is pointless or longer than the whole."""
    asks = [step.reads for step in plain.steps if isinstance(step.reads, Ask)]
    steps = []
    for at, step in enumerate(plain.steps):
        reads = replace(step.reads, missing=asks[0].missing) if isinstance(step.reads, Ask) else None
        bound = step.gap is None or step.gap > plain.within or (at == 0 and step.most == 1)
        steps.append(replace(step, reads=reads, gap=None if bound else step.gap))
    return replace(plain, steps=tuple(steps))


def event_json(number: int, whose: str, event: Seen, key: str) -> bytes:
    holds = {name: name in event.steps for name in "abcdz"} | {"until": event.until, "gate": event.gate}
    values: dict[str, object] = {"x": event.values["x"]} if "x" in event.values else {}
    values |= {"t": f"{event.values['t']}"} if "t" in event.values else {}
    keys = {"who": whose, "device": "d"} if key == "who" else {"who": f"u{number % 3}", "device": whose}
    return msgspec.json.encode({"id": 1_000 + number, "at": START_MS + event.time, **keys, **holds, **values})


START_MS = 1_700_000_000_000


def expected(plain: PlainSequence, stream: Ordered[tuple[str, Seen]]) -> list[Match]:
    answers = [(int(at), {(time, id) for _, time, id in taken}) for at, _, taken, _ in wanted(plain, stream)[0] if at.isdigit()]
    return sorted((at, tuple(sorted(events))) for at, events in answers)


def through_engine(release: Release, bodies: Ordered[bytes], cuts: Ordered[int]) -> list[Match]:
    scorer, decoder, found = Scorer(), Decoder(release.schema), list[Match]()
    for start, end in itertools.pairwise([0, *sorted(cuts), len(bodies)]):
        if start < end:
            batch = Batch.of([decoder.decode(body, 1 << 50) for body in bodies[start:end]], release.schema)
            matches = scorer.score(release, batch).matches
            for at, row in enumerate(matches.events.tolist()):
                events = sorted({(time - START_MS, id) for time, id in matches.found.events(at)})
                found.append((start + row, tuple(events)))
    return sorted(found)


def through_stages(texts: dict[str, str], bodies: Ordered[bytes], cuts: Ordered[int], restarts: bool) -> list[Match]:
    job = Imitation()
    job.release(1, texts)
    for start, end in itertools.pairwise([0, *sorted(cuts), len(bodies)]):
        if start < end:
            job.events(bodies[start:end])
            job.checkpoint()
        if restarts:
            out, job = job.out, Imitation(job.entity_state, job.user_state)
            job.out = out
            job.release(1, texts)
    return matches_of(job)


def matches_of(job: Imitation) -> list[Match]:
    found = []
    for decision in msgspec.convert(job.decisions(), list[dict[str, Any]]):
        at = int(decision["event_id"]) - 1_000
        for match in decision["matches"]:
            found.append((at, tuple(sorted({(time - START_MS, id) for time, id in match["events"]}))))
    return sorted(found)


def check(plain: PlainSequence, stream: list[tuple[str, Seen]], cuts: list[int], key: str, restarts: bool) -> None:
    if key == "device" and not plain.each:  # its stage does not know what `when` reads, and a match ends what has begun
        stream = [(whose, replace(event, gate=True)) for whose, event in stream]
    texts = TEXTS | {"pattern:steps": rule_text(plain, key)}
    bodies = [event_json(number, whose, event, key) for number, (whose, event) in enumerate(stream)]
    cuts = [min(cut, len(stream)) for cut in cuts]
    want = expected(plain, [(whose, replace(event, id=1_000 + number)) for number, (whose, event) in enumerate(stream)])
    release = compile_release(1, texts)
    found = through_engine(release, bodies, cuts)
    assert through_stages(texts, bodies, cuts, restarts) == found
    if not given_way(release):
        assert found == want


Due = tuple[str, int, tuple[tuple[int, int], ...]]
DISORDER_MS = 5
"""No event of a stream is further behind those before it."""


def expected_absences(plain: PlainSequence, stream: Ordered[tuple[str, Seen]]) -> list[Due]:
    newest = max(event.time for _, event in stream)
    found = []
    for key in dict.fromkeys(key for key, _ in stream):
        oracle = Oracle(plain)
        for whose, event in stream:
            if whose == key:
                oracle.see(event)
        oracle.pass_time(newest)
        for due in oracle.due:
            events = {(time, id) for _, time, id in shown(plain, due.runs)[0]}
            found.append((key, due.deadline, tuple(sorted(events))))
    return sorted(found)


def absences_of_stages(texts: dict[str, str], bodies: Ordered[bytes], times: Ordered[int], cuts: Ordered[int], restarts: bool) -> list[Due]:
    job = Imitation()
    job.release(1, texts)
    for start, end in itertools.pairwise([0, *sorted(cuts), len(bodies)]):
        if start < end:
            job.events(bodies[start:end])
            job.checkpoint()
            job.pass_time(START_MS + max(times[:end]) - DISORDER_MS)
        if restarts:
            out, job = job.out, Imitation(job.entity_state, job.user_state)
            job.out = out
            job.release(1, texts)
    job.pass_time(START_MS + max(times))
    found = msgspec.convert(job.absences(), list[dict[str, Any]])
    assert len({each["id"] for each in found}) == len(found)
    events = [sorted({(time - START_MS, id) for time, id in each["events"]}) for each in found]
    return sorted((each["entity"]["id"], each["event_time"] - START_MS, tuple(own)) for each, own in zip(found, events, strict=True))


def absences_of_scorer(release: Release, bodies: Ordered[bytes], times: Ordered[int], cuts: Ordered[int]) -> list[Due]:
    scorer, decoder = Scorer(), Decoder(release.schema)
    for start, end in itertools.pairwise([0, *sorted(cuts), len(bodies)]):
        if start < end:
            scorer.score(release, Batch.of([decoder.decode(body, 1 << 50) for body in bodies[start:end]], release.schema))
            scorer.pass_time(release, START_MS + max(times[:end]) - DISORDER_MS)
    scorer.pass_time(release, START_MS + max(times))
    found = scorer.take_absences()
    return sorted((each.key, each.deadline_ms - START_MS, tuple(sorted({(t - START_MS, id) for t, id in each.events}))) for each in found)


def given_way(release: Release) -> bool:
    """Whether partial matches gave way, so that fewer matches than those of the oracle are right."""
    rules = release.rules
    assert isinstance(rules, RuleSet)
    return any(int(np.sum(each._sequences.counts[:, 1:3])) > 0 for each in rules._sequences.each)


def no_wait(plain: PlainSequence) -> bool:
    return not plain.steps[-1].absent and (plain.ordered or not any(step.absent for step in plain.steps))


@settings(max_examples=examples(60), deadline=None)
@given(sequences().filter(no_wait).map(written), streams(), st.lists(st.integers(0, 24), max_size=3), st.sampled_from(KEYS), st.booleans())
def test_matches_and_their_events_are_those_of_brute_force(
    plain: PlainSequence, stream: list[tuple[str, Seen]], cuts: list[int], key: str, restarts: bool
) -> None:
    check(plain, stream, cuts, key, restarts)


@settings(max_examples=examples(40), deadline=None)
@given(
    asking_sequences().filter(no_wait).map(written),
    streams(valued=True),
    st.lists(st.integers(0, 24), max_size=3),
    st.sampled_from(KEYS),
    st.booleans(),
)
def test_matches_of_conditions_that_read_earlier_steps_are_those_of_brute_force(
    plain: PlainSequence, stream: list[tuple[str, Seen]], cuts: list[int], key: str, restarts: bool
) -> None:
    check(plain, stream, cuts, key, restarts)


def waits(plain: PlainSequence) -> bool:
    return plain.ordered and plain.steps[-1].absent


@settings(max_examples=examples(60), deadline=None)
@given(
    sequences(waiting=True).filter(waits).map(written),
    streams(),
    st.lists(st.integers(0, 24), max_size=3),
    st.sampled_from(KEYS),
    st.booleans(),
)
def test_absences_at_the_end_and_their_events_are_those_of_brute_force(
    plain: PlainSequence, stream: list[tuple[str, Seen]], cuts: list[int], key: str, restarts: bool
) -> None:
    stream = [(whose, replace(event, id=1_000 + number, gate=True)) for number, (whose, event) in enumerate(stream)]
    texts = TEXTS | {"pattern:steps": rule_text(plain, key).replace("when: event.gate\n", "")}
    bodies = [event_json(number, whose, event, key) for number, (whose, event) in enumerate(stream)]
    times, cuts = [event.time for _, event in stream], [min(cut, len(stream)) for cut in cuts]
    want = expected_absences(plain, stream)
    assert absences_of_scorer(compile_release(1, texts), bodies, times, cuts) == want
    assert absences_of_stages(texts, bodies, times, cuts, restarts) == want


SCHEMA = TEXTS["schema"].replace("boolean}", "boolean, retain: true}").replace("required: false}", "required: false, retain: true}")
RETAINED = TEXTS | {"schema": SCHEMA}


def is_warm(plain: PlainSequence) -> bool:
    return no_wait(plain) and not plain.strict and not any("first(event.t)" in getattr(step.reads, "text", "") for step in plain.steps)


@settings(max_examples=examples(80), deadline=None)
@given(
    st.one_of(sequences(), asking_sequences()).filter(is_warm).map(written),
    streams(valued=True),
    st.integers(0, 24),
    st.lists(st.integers(0, 24), max_size=2),
    st.booleans(),
)
def test_a_rule_that_is_activated_in_the_middle_matches_as_if_it_had_always_been_there(
    plain: PlainSequence, stream: list[tuple[str, Seen]], since: int, cuts: list[int], restart: bool
) -> None:
    stream = sorted(stream, key=lambda each: each[1].time)  # history knows no order of arrival
    stream = [(whose, replace(event, id=1_000 + number, order=number)) for number, (whose, event) in enumerate(stream)]
    bodies = [event_json(number, whose, event, "who") for number, (whose, event) in enumerate(stream)]
    job = Imitation()
    job.release(1, RETAINED)
    if since and bodies[:since]:
        job.events(bodies[:since])
    job.checkpoint()
    if restart:
        out, job = job.out, Imitation(job.entity_state, job.user_state)
        job.out = out
    job.release(2, RETAINED | {"pattern:steps": rule_text(plain, "who")})
    for start, end in itertools.pairwise([since, *sorted(cut for cut in cuts if since < cut < len(bodies)), max(since, len(bodies))]):
        if bodies[start:end]:
            job.events(bodies[start:end])
            job.checkpoint()
    release = compile_release(2, RETAINED | {"pattern:steps": rule_text(plain, "who")})
    assert isinstance(release.rules, RuleSet)
    assert not lacks_history(release.rules.rules[0].pattern, release.schema)
    through_engine(release, bodies, [])
    if not given_way(release):
        assert matches_of(job) == [match for match in expected(plain, stream) if match[0] >= since]
