"""Trains the boosted trees of a release on recorded events, and says how well they would have ranked these events while they came."""

import hashlib
import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np

from detectors.boosted.symmetric_trees import BoostedScoring
from detectors.snapshot import Snapshot
from foundation.refusal import Refusal
from patterns.entries import Change
from pipeline.control.progress import Progress
from pipeline.engine.definitions.boosted_model import Boosted
from pipeline.engine.definitions.model import Model
from pipeline.engine.definitions.release import Release
from pipeline.engine.event_keys import Labels
from pipeline.engine.fact_record import FactRecord
from pipeline.engine.learners.fitted_trees import POSITIVES_MIN, LabelledRows
from pipeline.replay.replay import Outcome, Replay
from pipeline.replay.spooled_events import SpooledHistory
from pipeline.tables.event_files import History
from pipeline.training.training_quality import training_quality
from stores.trained_models import TrainedModel

IMPORTANCE_ROWS, IMPORTANCE_DIGITS = 20_000, 4
"""Importance is measured on so many of the newest rows of each label, and said so finely."""


def train(
    release: Release,
    history: History | SpooledHistory,
    labels: Labels | None,
    made_at_ms: int,
    facts: Sequence[FactRecord] = (),
    entries: Sequence[Change] = (),
    progress: Progress = lambda done, total: None,
    reason: str = "",
) -> list[TrainedModel]:
    """Replays `history`, in which trees are fitted at their cadence, and fits them once more at its end.

    So features are what they were at each event, and the figures are of events that no tree had seen when it ranked them. It takes what
    the replay takes, and each fit about 10 s of CPU for 120,000 rows of 40 inputs; see `pipeline.learning.fit_trees`.

    Args:
        reason: why, in words that are kept with the figures.

    Returns:
        A training for each model of the kind `boosted`; none for one that has too few labels.

    Raises:
        Refusal: the release has no such model, no model has enough labels, or CatBoost is not installed.
    """
    models = {model.name: model for model in release.models if model.boosted is not None}
    if not models:
        raise Refusal("nothing to train", where="models.yaml", expected="a model with `kind: boosted`", got="none")
    replay = Replay(release, history, labels, facts=facts, entries=entries)
    outcome = replay.run(None, progress)
    fitted = replay.fitted_at_the_end()
    if not fitted:
        expected = f"events of {POSITIVES_MIN} frauds at least, with their labels, and others"
        raise Refusal("too few labels to train", where="labels", expected=expected, got=f"{int(outcome.marks.sum())} frauds")
    return [_trained(snapshot, rows, models[snapshot.model], outcome, history, made_at_ms, reason) for snapshot, rows in fitted]


def _trained(
    snapshot: Snapshot,
    rows: LabelledRows,
    model: Model,
    outcome: Outcome,
    history: History | SpooledHistory,
    made_at_ms: int,
    reason: str,
) -> TrainedModel:
    times_ms, encoded = history.recorded().times_ms, snapshot.encode()
    report = {
        "reason": reason,
        "from_ms": int(times_ms.min()),
        "to_ms": snapshot.event_time_ms,
        "events": outcome.events,
        "frauds": int(outcome.marks.sum()),
        "trees": len(snapshot.arrays["split_input"]),
        "fit": _fit_of(model),
        "sha256": hashlib.sha256(encoded).hexdigest(),
        "quality": training_quality(outcome, model.name, history.recorded()),
        "importance": _importance(snapshot, rows, model),
    }
    id = uuid.uuid4().hex
    return TrainedModel(id, model.name, model.definition, snapshot.sequence, made_at_ms, report, encoded)


def _fit_of(model: Model) -> dict[str, Any]:
    how = model.boosted
    assert isinstance(how, Boosted)
    return {name: getattr(how, name) for name in ("trees", "depth", "learning_rate", "l2", "seed", "negatives")}


def _importance(snapshot: Snapshot, rows: LabelledRows, model: Model) -> dict[str, float]:
    """The mean size of what each input adds to the log odds of frauds and of others alike, or takes off them; the greatest first."""
    scoring = BoostedScoring(snapshot.arrays_of())
    means = []
    for label in (0, 1):
        of_label = np.flatnonzero(rows.y == label)[-IMPORTANCE_ROWS:]
        means.append(np.abs(scoring.contributions_many(rows.x[of_label].astype(np.float64))).mean(axis=0))
    weights = np.mean(means, axis=0)
    return {model.inputs[at]: round(float(weights[at]), IMPORTANCE_DIGITS) for at in np.argsort(-weights, kind="stable").tolist()}
