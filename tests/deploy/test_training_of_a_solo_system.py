"""A running system is trained on its own archive, and scores the next events by the trees that were found."""

import functools
import hashlib
import json
import multiprocessing
import pathlib
import re
import time
import xml.dom.minidom
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from api.client.client import Decision
from deploy.command import main
from deploy.local.solo_in_process import SoloInProcess
from detectors.boosted.symmetric_trees import BoostedScoring
from detectors.learner import Arrays
from detectors.snapshot import Snapshot
from pipeline.engine.definitions.boosted_model import Boosted
from pipeline.engine.learners.fitted_trees import LabelledRows
from pipeline.learning.fit_trees import fit_trees
from pipeline.replay import replay
from pipeline.sinks.archive_access import archive_of
from pipeline.training.train_command import said_of, train_archived, train_files

DAY_MS = 86_400_000
EVENTS = 600
CONFIG = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: customer\n"
    "fields:\n  amount: {type: decimal, retain: true}\nlateness: 40d\nlabels: {negative_after: 1d}\n",
    "features": "- {name: count_1d, template: count, window: 1d}\n",
    "models": "- {name: trees, kind: boosted, retrain: 7d, fit: {trees: 30, depth: 3}, inputs: [event.amount, feature.count_1d]}\n",
    "policy": "score: first_ready(trees)\nbands: [{below: 0.5, action: approve}, {action: review}]\nfallback: {action: approve}\n",
}


@pytest.fixture
def system(tmp_path: pathlib.Path) -> Iterator[SoloInProcess]:
    folder = tmp_path / "configuration"
    folder.mkdir()
    for part, text in CONFIG.items():
        (folder / f"{part}.yaml").write_text(text)
    with SoloInProcess(folder, tmp_path / "system") as running:
        yield running


def until(condition: Callable[[], object]) -> object:
    deadline = time.monotonic() + 60
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def archived(system: SoloInProcess, kind: str) -> int:
    return sum(len(table) for table in archive_of(system.settings).read(kind))


@pytest.mark.slow
def test_a_training_on_the_archive_scores_the_next_event(system: SoloInProcess, tmp_path: pathlib.Path) -> None:
    began_ms = int(time.time() * 1_000) - 20 * DAY_MS
    amounts = [900.0 + id if id % 4 == 0 else 10.0 + id % 60 for id in range(EVENTS)]
    sent: list[dict[str, Any]] = [
        {"id": id, "at": began_ms + id * 20 * DAY_MS // EVENTS, "customer": f"c{id % 20}", "amount": amount}
        for id, amount in enumerate(amounts)
    ]
    system.client.send_many(sent)
    labels = [
        {"event_id": str(event["id"]), "user": event["customer"], "label": 1, "label_time": event["at"] + 1_000} for event in sent[::4]
    ]
    until(lambda: archived(system, "decisions") == EVENTS)
    assert system.client.decision(EVENTS - 1)["score"] is None
    system.client.label_many(labels)
    until(lambda: archived(system, "labels") == len(labels))
    folder = tmp_path / "training"
    folder.mkdir()
    [trained] = train_archived(system.settings, folder, int(time.time() * 1_000), lambda done, total: None)
    assert trained.report["frauds"] == len(labels)
    assert trained.report["quality"]["auc"] > 0.95
    assert next(iter(trained.report["importance"])) == "event.amount"
    assert "inputs by weight: event.amount" in said_of(trained.model, trained.report)
    now_ms = int(time.time() * 1_000)

    def scored() -> object:
        event = {"id": time.monotonic_ns(), "at": now_ms, "customer": "c1", "amount": 950.0}
        return (answer := system.client.decide(event, 10_000)).score is not None and answer

    answer = until(scored)
    assert isinstance(answer, Decision)
    stored = until(lambda: system.client.decision(answer.event_id))
    assert isinstance(stored, dict)
    row = np.array([[950.0, stored["features"]["count_1d"]]])
    [expected] = BoostedScoring(Snapshot.decode(trained.snapshot).arrays_of()).score_many(row)
    assert (answer.action, answer.score) == ("review", pytest.approx(expected, abs=1e-12))


def recorded(tmp_path: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """A file of events with their labels, and the folder of the configuration."""
    folder = tmp_path / "configuration"
    folder.mkdir()
    for part, text in CONFIG.items():
        (folder / f"{part}.yaml").write_text(text)
    began_ms = 1_700_000_000_000
    events = tmp_path / "events.jsonl"
    rows = [
        {"id": id, "at": began_ms + id * 20 * DAY_MS // EVENTS, "customer": f"c{id % 20}", "amount": 900.0 if id % 4 == 0 else 20.0}
        for id in range(EVENTS)
    ]
    events.write_text("".join(json.dumps(row | {"fraud": int(row["amount"] == 900.0)}) + "\n" for row in rows))
    return events, folder


def test_a_training_on_files_writes_its_models_and_says_how_well_they_rank(tmp_path: pathlib.Path) -> None:
    events, folder = recorded(tmp_path)
    given = [
        "train",
        str(events),
        "--config",
        str(folder),
        "--label-column",
        "fraud",
        "--label-delay",
        "1d",
        "--out",
        str(tmp_path / "out"),
    ]
    shown = CliRunner().invoke(main, given)
    assert shown.exit_code == 0, shown.output
    assert re.match(r"trees: \d+ trees, fitted to 600 events with 150 frauds\n", shown.output)
    assert Snapshot.decode((tmp_path / "out" / "trees.model").read_bytes()).kind == "boosted.SymmetricTrees"
    report = json.loads((tmp_path / "out" / "training.json").read_text())["trees"]
    assert report["sha256"] == hashlib.sha256((tmp_path / "out" / "trees.model").read_bytes()).hexdigest()
    quality = report["quality"]
    assert quality["auc"] > 0.95
    assert 0.0 < quality["card_precision_100"] <= 1.0
    assert 0.0 <= quality["calibration_error"] < 0.2
    assert quality["intervals"]["auc"][0] <= quality["auc"] <= quality["intervals"]["auc"][1]
    assert sum(each["frauds"] for each in quality["plots"]["reliability"]) == quality["frauds"]
    [svg] = xml.dom.minidom.parse(str(tmp_path / "out" / "trees.svg")).getElementsByTagName("svg")
    assert len(svg.getElementsByTagName("polyline")) == 4


def test_a_training_that_is_killed_in_the_middle_gives_the_same_model_when_it_is_done_again(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, configuration = recorded(tmp_path)
    train = functools.partial(train_files, [events], configuration, labels_path=None, label_column="fraud", label_delay_ms=DAY_MS)
    train(tmp_path / "whole")
    forks = multiprocessing.get_context("fork")
    fits, reached = forks.Value("i", 0), forks.Event()

    def fit_or_stand_still(rows: LabelledRows, how: Boosted) -> Arrays:
        fits.value += 1
        if fits.value > 1:
            reached.set()
            time.sleep(600)
        return fit_trees(rows, how)

    monkeypatch.setattr(replay, "fit_trees", fit_or_stand_still)
    child = forks.Process(target=train, args=(tmp_path / "again",))
    child.start()
    assert reached.wait(120)
    child.kill()
    child.join()
    monkeypatch.undo()
    assert not (tmp_path / "again").exists()
    train(tmp_path / "again")
    assert (tmp_path / "again" / "trees.model").read_bytes() == (tmp_path / "whole" / "trees.model").read_bytes()


@pytest.mark.parametrize(
    ("models", "what"),
    [
        ("- {name: trees, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n", "nothing to train"),
        (CONFIG["models"], "too few labels to train"),
    ],
)
def test_a_training_that_can_find_nothing_says_why(models: str, what: str, tmp_path: pathlib.Path) -> None:
    for part, text in (CONFIG | {"models": models}).items():
        (tmp_path / f"{part}.yaml").write_text(text)
    events = tmp_path / "events.jsonl"
    events.write_text('{"id": 1, "at": 1700000000000, "customer": "c", "amount": 1.0, "fraud": 1}\n')
    shown = CliRunner().invoke(
        main, ["train", str(events), "--config", str(tmp_path), "--label-column", "fraud", "--out", str(tmp_path / "o")]
    )
    assert (shown.exit_code, what in shown.output) == (2, True), shown.output
