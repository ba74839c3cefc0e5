"""What must hold of any definitions: they are refused with their place, or decide on whatever comes, in any batches, over any restart."""

import copy
import random
import re
import warnings
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import yaml
from imitation import DictState, Imitation
from nasty_events import ARRIVED_MS, Events
from written_definitions import strange_texts

from detectors.catalogue import LEARNERS
from detectors.snapshot import Snapshot
from features.layout.layout import FIRST, LAST, ORPHANS, WAITING, WAITING_LAST
from features.profiles.codec import PREFIX_WORDS
from features.profiles.profiles import Profiles
from foundation.refusal import Refusal
from pipeline.engine.definitions.release import Release
from pipeline.engine.isolation import RAISED
from pipeline.sinks.deliver_job import IndexedDecision
from pipeline.sinks.roll_up import CountedDecision, RollUp
from pipeline.trial.trial import try_release
from pipeline.wire.bodies import PlacedRecord, write_placed_record
from pipeline.wire.bundle import write_bundle
from pipeline.wire.frames import read_frames
from stores.archive.archive_encoding import decode_decision, encode_decisions
from stores.archive.archive_rows import ArchivedRecord
from stores.metrics.metric_rows import MetricRow

PLACE = re.compile(r"((schema|features|models|policy)\.yaml|bypass):[1-9]\d*:[1-9]\d*|list")
"""Line and column of a text; or the name of a list, which stands in none."""
EVENTS = 14
Step = tuple[str, Any]


def outcome(seed: int) -> str:
    """Of the definitions that `seed` makes: accepted, or what the refusal says is wrong."""
    draw = random.Random(seed)
    texts = strange_texts(draw)
    try:
        release = try_release(texts)
    except Refusal as refusal:
        check_refusal(refusal)
        return refusal.what
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # numpy's, for arithmetic that nobody has thought of
        check(draw, release, texts)
    return "accepted"


def check_refusal(refusal: Refusal) -> None:
    """That it names the place in a text, and is more than an exception that was caught."""
    assert PLACE.fullmatch(refusal.where), f"no place: {refusal}"
    assert refusal.what != "release does not decide", str(refusal)


def check(draw: random.Random, release: Release, texts: dict[str, str]) -> None:
    """That events end, none in an exception that nobody foresaw, and alike in batches and one by one, with a restart in between, little
    room, and often a change of the features."""
    plan = steps_of(draw, release)
    changed = other_features(draw, texts)
    if changed is not None:
        plan.insert(draw.randrange(len(plan) + 1), ("release", changed))
    room = {"profiles_bytes_max": draw.choice([1, 8_000])} if draw.random() < 0.3 else {}
    together, apart = run(plan, texts), run(one_by_one(draw, plan), texts, **room)
    check_decisions(together, release)
    for tag in "DTRX":
        one, other = together.out.get(tag, []), apart.out.get(tag, [])
        if tag in "RX":  # in a batch those of the decode stage come before those of the user stage
            one, other = sorted(one), sorted(other)
        assert one == other, f"{tag}: {_difference(one, other)}"
    if changed is None:  # else the state may be of either
        check_state(apart, release)


def steps_of(draw: random.Random, release: Release) -> list[Step]:
    """Events with labels in between, and the snapshots of the release's learners before them or among them."""
    events = Events(draw, release.schema, draw.choice([0.05, 0.3, 0.6]))
    steps: list[Step] = [("control", snapshots_of(draw, release))] if draw.random() < 0.7 else []
    left = EVENTS
    while left > 0:
        count = min(left, draw.choice([2, 5, 14]))
        steps.append(("events", events.many(count)))
        left -= count
        if draw.random() < 0.3:
            steps += [("label", events.label()) for _ in range(2)]
    return steps


def one_by_one(draw: random.Random, steps: Sequence[Step]) -> list[Step]:
    """The same, each event by itself, with a restart from what the state holds."""
    parted: list[Step] = []
    for what, value in steps:
        parted += [("events", [event]) for event in value] if what == "events" else [(what, value)]
    parted.insert(draw.randrange(len(parted)), ("restart", None))
    return parted


def run(steps: Sequence[Step], texts: dict[str, str], **room: int) -> Imitation:
    """The stages over `steps`, and a checkpoint; `room` bounds what they keep in memory."""
    job = Imitation(**room)
    control = Imitation.records_of(1, texts)
    job.control(control)
    for what, value in steps:
        if what == "events":
            job.events(value, ARRIVED_MS, reply="api-1")
        elif what == "label":
            job.labels([value], job.decode.definitions.newest.schema.user)  # type: ignore[union-attr]
        elif what == "release":
            control += Imitation.records_of(2, value)
            job.control(Imitation.records_of(2, value))
        elif what == "control":
            control += value
            job.control(value)
        else:
            job.checkpoint()
            job = _again(job, control, **room)
    job.checkpoint()
    return job


def _again(job: Imitation, control: list[Any], **room: int) -> Imitation:
    again = Imitation(job.entity_state, job.user_state, **room)
    again.control(control)
    again.out, again._offset = job.out, job._offset
    return again


def other_features(draw: random.Random, texts: dict[str, str]) -> dict[str, str] | None:
    """The release with one feature less, or another one more; None where it would not be accepted."""
    if draw.random() < 0.5:
        return None
    features = yaml.load(texts["features"], Loader=yaml.CSafeLoader)
    if not features:
        return None
    if draw.random() < 0.5 and len(features) > 1:
        features.pop(draw.randrange(len(features)))
    else:
        extra = copy.deepcopy(draw.choice(features))
        if not isinstance(extra, dict):
            return None
        extra["name"] = "extra"
        if "window" in extra:
            extra["window"] = draw.choice(["2h", {"last": 3}, {"session": "5m"}, "unbounded", {"calendar": "day"}])
        features.insert(draw.randrange(len(features) + 1), extra)
    changed = texts | {"features": yaml.dump(features, sort_keys=False, allow_unicode=True)}
    try:
        try_release(changed)
    except Refusal:
        return None
    return changed


def snapshots_of(draw: random.Random, release: Release) -> list[Any]:
    """Records of the models topic: the release's learners after some rows."""
    records = []
    for model in release.models:
        if model.keyed or model.model not in LEARNERS:  # the trees of a boosted model come from training
            continue
        learner = LEARNERS[model.model](len(model.inputs), **model.parameters)
        rows = np.random.default_rng(draw.randrange(1_000)).normal(3.0, draw.choice([1.0, 1e9]), (60, len(model.inputs)))
        rows[:20, 0] = draw.choice([np.nan, np.inf, 1e300, 2.0])
        with np.errstate(all="ignore"):
            learner.learn_many(rows, np.arange(60.0) % 2)
        snapshot = Snapshot(model.name, model.definition, 1, 5, learner.snapshot())
        records.append(("m", snapshot.key, snapshot.encode()))
    return records


def check_decisions(job: Imitation, release: Release) -> None:
    """That decisions are what the jobs behind the stages take in, with scores that are scores, and that no event raised."""
    letters = [msgspec.json.decode(value) for _, value in job.out.get("X", [])]
    assert [letter["reason"] for letter in letters if letter["reason"]["what"] == RAISED] == []
    values = [value for _, value in job.out.get("D", [])]
    unranked = {model.name for model in release.models if model.model == "anomaly.HalfSpaceTrees"}  # their ranks need earlier scores
    for value in values:
        decision = msgspec.json.decode(value)
        msgspec.json.decode(value, type=IndexedDecision)
        score, models = decision["score"], [decision["models"][name]["score"] for name in release.policy.models if name not in unranked]
        assert score is None or 0.0 <= score <= 1.0, f"a score of {score}"
        if score is None and "retracted" not in decision["flags"]:
            assert all(each is None for each in models), f"no score, and models say {models}"
    if values:
        encode_decisions([ArchivedRecord(0, at, 0, b"", value) for at, value in enumerate(values)], [*map(decode_decision, values)])
        count_metrics(values)


def count_metrics(values: Sequence[bytes]) -> None:
    """That the metrics job counts each decision in rows that are read again."""
    stage = RollUp(DictState(), 1_000)
    bodies = [_placed(at, value) for at, value in enumerate(values)]
    assert read_frames(stage.process(write_bundle("R", bodies))) == []
    rows = [msgspec.json.decode(value, type=MetricRow) for _, _, value in read_frames(stage.process(write_bundle("S", [b""])))]
    named = [msgspec.json.decode(value, type=CountedDecision) for value in values]
    assert sum(row.count for row in rows) == len({(each.user, each.event_id, each.revision) for each in named})


def check_state(job: Imitation, release: Release) -> None:
    """That a profile which is read from its bytes is written to bytes that mean the same: read once more, they do not change."""
    readers: dict[str, Profiles] = {}
    for kind, key, head, pages in profiles_of(job, release):
        sections = release.sections.get(kind, ())
        profiles = readers.get(kind) or Profiles(release.features.plans[kind], sections)
        readers[kind] = profiles
        heads = [head]
        for _ in range(2):
            profiles.restore(key, heads[-1], pages)
            heads.append(profiles.save(profiles.slots([key])).heads[0])
        once, twice = (_meaning(each) for each in heads[1:])
        assert once == twice, f"a profile of {kind} changes where it is read and written"


def _meaning(head: bytes) -> list[int]:
    """The words of a head without those that say where in memory its pages and notes are."""
    words = np.frombuffer(head, np.int64).copy()
    name_words = int(words[2]) // 8
    words[PREFIX_WORDS + name_words + np.array([FIRST, LAST, WAITING, WAITING_LAST, ORPHANS])] = 0
    return words.tolist()


def profiles_of(job: Imitation, release: Release) -> list[tuple[str, str, bytes, list[tuple[int, bytes]]]]:
    """Kind, key, head and pages of all that the state holds."""
    found = []
    for state, of_users in ((job.user_state, True), (job.entity_state, False)):
        for name, head in state.heads.items():
            text = name.decode()
            kind, _, key = (release.schema.user, "", text) if of_users else text.partition("\0")
            found.append((kind, key, head, sorted(state.pages.get(name, {}).items())))
    return found


def _difference(one: Sequence[Any], other: Sequence[Any]) -> str:
    pairs = zip(one, other, strict=False)
    return next((f"in batches {a!r} and one by one {b!r}" for a, b in pairs if a != b), f"{len(one)} in batches, {len(other)} one by one")


def _placed(offset: int, value: bytes) -> bytes:
    return write_placed_record(PlacedRecord("", 0, offset, 0, b"", value))
