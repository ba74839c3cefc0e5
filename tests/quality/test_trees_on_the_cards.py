"""Boosted trees that are fitted anew each week rank the card payments of weeks to come as well as the literature's best do.

The features are those that a fraud team writes down at first; neither they nor the settings of the fit were chosen by these figures.
"""

import datetime
import pathlib

import numpy as np
import pyarrow.parquet
import pytest
from card_truth import DATA, LABEL_DELAY_MS, ROOT
from review_of_cards import card_precision, payments_of, week_to_judge

from pipeline.engine.definitions.release import compile_release
from pipeline.replay.quality import quality_of
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import read_history
from pipeline.trial.configuration_folder import read_texts

pytestmark = pytest.mark.skipif(not DATA.exists(), reason=f"needs {DATA.name} in the folder of WEIR_DATA")

JUDGED_ON = [datetime.date(2018, 6, 20) + datetime.timedelta(weeks=week) for week in range(4)]


def test_trees_rank_weeks_to_come_as_well_as_the_best_published_models_do(tmp_path: pathlib.Path) -> None:
    release = compile_release(1, read_texts(ROOT / "deploy/samples/cards_trees"))
    history = read_history([DATA], release.schema, "time", "TX_FRAUD", LABEL_DELAY_MS)
    Replay(release, history, history.labels).run(tmp_path)
    decided = pyarrow.parquet.read_table(tmp_path / "decisions.parquet", columns=["event_id", "score"])
    payments = payments_of(DATA, decided["event_id"].to_numpy().astype(np.int64))
    scores = decided["score"].to_numpy()
    found = []
    print("\ntest week from    AUC   AP    card precision at 100")
    for first in JUDGED_ON:
        rows = week_to_judge(payments, first.toordinal())
        measures = quality_of(payments.frauds[rows].astype(np.int8), scores[rows])
        found.append((measures["auc"], measures["ap"], card_precision(payments, rows, scores)))
        print(f"{first + datetime.timedelta(days=14)}       {found[-1][0]:.3f}  {found[-1][1]:.3f}  {found[-1][2]:.3f}")
    auc, average_precision, cards = np.mean(found, axis=0)
    print(f"mean             {auc:.3f}  {average_precision:.3f}  {cards:.3f}")
    assert auc >= 0.88
    assert average_precision >= 0.72
    assert cards >= 0.285
