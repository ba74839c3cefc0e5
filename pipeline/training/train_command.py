"""Training on files writes what was found into a folder; training on the archive of a system stores it for the learn job."""

import contextlib
import pathlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from foundation.settings import Settings
from pipeline.control.progress import Progress
from pipeline.engine.definitions.release import Release, compile_release
from pipeline.replay.archived_changes import told_of_archive
from pipeline.replay.archived_history import labels_of_archive, spooled_history
from pipeline.replay.stored_releases import stored_release, texts_of
from pipeline.tables.event_files import read_history
from pipeline.tables.label_files import labels_for
from pipeline.training.train import train
from pipeline.training.training_plots import picture_of
from pipeline.trial.configuration_folder import compile_texts, entries_of, read_texts
from stores.relational.database import Database
from stores.relational.definitions import RelationalRegistry
from stores.relational.place import place_of
from stores.relational.trained_models import RelationalTrainedModels
from stores.trained_models import TrainedModel

REPORT = "training.json"


def train_files(
    paths: Sequence[pathlib.Path],
    config: pathlib.Path,
    out: pathlib.Path,
    labels_path: pathlib.Path | None,
    label_column: str,
    label_delay_ms: int,
) -> list[TrainedModel]:
    """Trains on recorded events by the configuration in `config`; writes ``training.json``, and for each model ``NAME.model`` and its plots
    ``NAME.svg``, into `out`.

    Raises:
        Refusal: the configuration or a file is not usable, or see `train`.
    """
    texts = read_texts(config)
    release = compile_texts(texts)
    history = read_history(paths, release.schema, "time", label_column, label_delay_ms)
    labels = labels_for(history, labels_path, release.schema)
    trained = train(release, history, labels, int(time.time() * 1_000), entries=entries_of(texts))
    out.mkdir(parents=True, exist_ok=True)
    for each in trained:
        (out / f"{each.model}.model").write_bytes(each.snapshot)
        (out / f"{each.model}.svg").write_text(picture_of(each.model, each.report))
    (out / REPORT).write_bytes(reports_of(trained))
    return trained


def train_archived(settings: Settings, folder: pathlib.Path, made_at_ms: int, progress: Progress, reason: str = "") -> list[TrainedModel]:
    """Trains the models of the release in force on all archived events, and stores what was found.

    Args:
        folder: a folder for files that are only needed meanwhile.
        reason: why, in words that are kept.

    Raises:
        Refusal: there is no release, the archive does not answer or holds no event, or see `train`.
    """
    release = _release_in_force(settings)
    history = spooled_history(settings, release.schema, None, folder, lambda events: progress(0, events))
    labels = labels_of_archive(settings, release, history)
    trained = train(release, history, labels, made_at_ms, *told_of_archive(settings, release), progress, reason)
    with contextlib.closing(Database(place_of(settings))) as database:
        store = RelationalTrainedModels(database)
        for each in trained:
            store.add(each)
    return trained


def _release_in_force(settings: Settings) -> Release:
    with contextlib.closing(Database(place_of(settings))) as database:
        registry = RelationalRegistry(database)
        stored = stored_release(registry)
        return compile_release(stored.id, texts_of(registry, stored))


def reports_of(trained: Sequence[TrainedModel]) -> bytes:
    """Returns what is known of each training by its model, as JSON."""
    return msgspec.json.format(msgspec.json.encode({each.model: each.report for each in trained}))


def said_of(model: str, report: Mapping[str, Any]) -> str:
    """Returns what a person is told of a training."""
    quality = "  ".join(f"{measure} {value:.4f}" for measure, value in report["quality"].items() if isinstance(value, float))
    weighty = ", ".join(f"{name} {share:.3f}" for name, share in list(report["importance"].items())[:8])
    lines = [
        f"{model}: {report['trees']} trees, fitted to {report['events']:,} events with {report['frauds']:,} frauds",
        f"  ranked before they were learned from: {report['quality']['events']:,} events  {quality}",
        f"  inputs by weight: {weighty}",
        *([f"  because: {report['reason']}"] if report.get("reason") else []),
    ]
    return "\n".join(lines)
