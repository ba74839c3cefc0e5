"""CPU time of learned thresholds: what the engine spends on each, to look and to learn, in batches of 256 events of 20,000 users.

The yardstick in the same run is the definition in plain Python: decayed mean and squares of each user in a dictionary. Its usual values and
spreads are compared with the engine's before any time is taken.
"""

import json
import math
import sys
import time

import msgspec
import numpy as np

from detectors.snapshot import Snapshot
from features.schema.batch import Batch
from features.schema.decode import Decoder
from patterns.thresholds.threshold import OWN_SPREAD, THRESHOLD, WEIGHT
from pipeline.engine.decisions.answers import Answers
from pipeline.engine.decisions.verdicts import nothing_said
from pipeline.engine.definitions.release import Release, compile_release
from pipeline.engine.learners.learner import Learners
from pipeline.engine.scorer import Scorer
from pipeline.engine.steps.step import Turn

BATCH, USERS, THRESHOLDS, BAR_US = 256, 20_000, 8, 0.3
START_MS, HALF_LIFE_MS = 1_600_000_000_000, 30 * 86_400_000
TEXTS = {
    "schema": "{id: {field: id, type: integer}, time: {field: at, unit: ms}, user: who, "
    "fields: {amount: {type: float, retain: true}, kind: {type: string}}}",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}",
    "policy": "{score: first_ready(own), bands: [{action: approve}]}",
}
NAMES = [f"usual_{number}" for number in range(THRESHOLDS)]
RULE = (
    "title: More than usual\nowner: benchmarks\nstatus: active\nadaptive:\n"
    + "".join(f"  {name}: {{of: event.amount, rate: 1/{100 + at}, cohort: event.kind}}\n" for at, name in enumerate(NAMES))
    + f"when: event.amount > adaptive.{NAMES[0]} + 1e12\n"
)


def batches(release: Release, count: int, random: np.random.Generator) -> list[Batch]:
    """Batches in each of which a user stands once."""
    decoder, found = Decoder(release.schema), []
    for number in range(count):
        users = random.choice(USERS, BATCH, replace=False).tolist()
        amounts = random.lognormal(3.0, 1.0, BATCH).tolist()
        rows = [
            {
                "id": number * BATCH + at,
                "at": START_MS + 1_000 * (number * BATCH + at),
                "who": f"u{user}",
                "amount": amount,
                "kind": f"k{user % 20}",
            }
            for at, (user, amount) in enumerate(zip(users, amounts, strict=True))
        ]
        found.append(Batch.of([decoder.decode(msgspec.json.encode(row), 1 << 50) for row in rows], release.schema))
    return found


def run(release: Release, each: list[Batch], scorer: Scorer) -> tuple[float, list[np.ndarray]]:
    """Seconds of CPU in the steps of thresholds, and what the first threshold said of each batch."""
    spent, said = 0.0, []
    for batch in each:
        profiles, slots = scorer._open(release, "who", batch.users)
        answers = Answers.none(release, len(batch))
        turn, verdicts = Turn(batch, profiles, slots, answers, None, scorer.lists), nothing_said(release, answers.features)
        for step in scorer._steps:
            before = time.process_time()
            step.run(turn, verdicts)
            spent += time.process_time() - before if step.name in ("thresholds", "lessons") else 0.0
        said.append(verdicts.thresholds[f"odd.{NAMES[0]}"])
    return spent, said


def plain(each: list[Batch], thresholds: list[np.ndarray]) -> tuple[float, list[list[tuple[float, float]]]]:
    """Seconds of CPU of the definition in plain Python, and weight and own spread before each event."""
    known: dict[str, tuple[float, float, float, int]] = {}
    found = []
    before = time.process_time()
    for batch, above in zip(each, thresholds, strict=True):
        rows = []
        for user, time_ms, value, most in zip(
            batch.users, batch.times_ms.tolist(), batch.numbers[:, 0].tolist(), above.tolist(), strict=True
        ):
            weight, mean, squares, newest = known.get(user, (0.0, 0.0, 0.0, time_ms))
            kept = 2.0 ** ((newest - time_ms) / HALF_LIFE_MS)
            weight, squares = weight * kept, squares * kept
            rows.append((weight, math.sqrt(squares / (weight - 1.0)) if weight >= 2.0 - 1e-3 else math.nan))
            taken = min(value, most) if most == most else value
            away = taken - mean
            mean += away / (weight + 1.0)
            known[user] = (weight + 1.0, mean, squares + away * (taken - mean), time_ms)
        found.append(rows)
    return time.process_time() - before, found


def learned(release: Release, each: list[Batch]) -> list[Snapshot]:
    """What cohorts have taught: the first tables say what is usual, and the second ones what is rare."""
    scorer, learners, snapshots = Scorer(), Learners(release), []
    for first in range(0, len(each), len(each) // 2):
        for batch in each[first : first + len(each) // 2]:
            verdicts = scorer.score(release, batch)
            for learner in learners.each:
                learner.see(batch.id_keys, batch.id_keys, batch.times_ms, learner.inputs_of(verdicts))
        snapshots = list(learners.snapshots(len(snapshots) + 1, START_MS))
        for snapshot in snapshots:
            scorer.install(snapshot, release)
    return snapshots


def main() -> None:
    release = compile_release(1, TEXTS | {"pattern:odd": RULE})
    random = np.random.default_rng(1)
    each = batches(release, 400, random)
    snapshots = learned(release, each[:200])
    assert len(snapshots) == THRESHOLDS
    for measured in (False, True):
        scorer = Scorer()
        for snapshot in snapshots:
            assert scorer.install(snapshot, release)
        spent, said = run(release, each, scorer)
        plain_spent, expected = plain(each, [one[:, THRESHOLD] for one in said])
        if not measured:
            ours = np.concatenate([one[:, [WEIGHT, OWN_SPREAD]] for one in said])
            theirs = np.array([row for rows in expected for row in rows])
            assert np.allclose(ours, theirs, rtol=1e-6, atol=1e-6, equal_nan=True), "the engine's answers are not those of the definition"
            assert np.isfinite(np.concatenate([one[:, THRESHOLD] for one in said])).all()
    events = len(each) * BATCH
    ours_us, plain_us = 1e6 * spent / events / THRESHOLDS, 1e6 * plain_spent / events
    print(json.dumps({
        "events": events, "thresholds": THRESHOLDS, "us_a_threshold": round(ours_us, 3), "plain_python_us_a_threshold": round(plain_us, 3),
        "ratio": round(plain_us / ours_us, 1), "bar_us": BAR_US,
    }))  # fmt: skip
    sys.exit(ours_us > BAR_US)


if __name__ == "__main__":
    main()
