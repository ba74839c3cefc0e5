"""Models rank the card payments of weeks to come: trees, a model that learns online, and models that learn from no label.

One replay of the sample `cards_trees` scores them all. Ranges, rates and what is combined were chosen on the weeks from the
30th of May to the 3rd of July; the four weeks judged here come after these.
"""

import datetime
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from card_truth import DATA, LABEL_DELAY_MS, ROOT
from review_of_cards import Payments, card_precision, payments_of, week_to_judge

from pipeline.engine.definitions.release import compile_release
from pipeline.replay.quality import quality_of
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import read_history
from pipeline.trial.configuration_folder import read_texts

pytestmark = pytest.mark.skipif(not DATA.exists(), reason=f"needs {DATA.name} in the folder of WEIR_DATA")

JUDGED_ON = [datetime.date(2018, 6, 20) + datetime.timedelta(weeks=week) for week in range(4)]
FURTHER_MODELS = pathlib.Path(__file__).parent / "cards_without_labels.yaml"

FLOORS = {
    "model.fraud_trees": (0.885, 0.740, 0.291),
    "model.fraud_ranges": (0.878, 0.700, 0.290),
    "model.terminals_past": (0.865, 0.460, 0.265),
    "model.without_labels": (0.655, 0.265, 0.100),
}
"""By column of the decisions: ROC AUC, average precision and card precision at 100. A supervised model without any input that labels reach
was seen to stop at .67, .26 and .10."""


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> tuple[Payments, pa.Table]:
    """All payments, and what was said of each when it came."""
    folder = tmp_path_factory.mktemp("cards")
    texts = read_texts(ROOT / "deploy/samples/cards_trees")
    texts["models"] += FURTHER_MODELS.read_text()
    release = compile_release(1, texts)
    history = read_history([DATA], release.schema, "time", "TX_FRAUD", LABEL_DELAY_MS)
    Replay(release, history, history.labels).run(folder)
    decisions = pyarrow.parquet.read_table(folder / "decisions.parquet", columns=["event_id", *FLOORS])
    return payments_of(DATA, decisions["event_id"].to_numpy().astype(np.int64)), decisions


@pytest.mark.parametrize("column", FLOORS)
def test_a_model_ranks_weeks_to_come(decided: tuple[Payments, pa.Table], column: str) -> None:
    payments, decisions = decided
    scores = decisions[column].to_numpy()
    found = []
    print(f"\n{column:22}  AUC   AP    card precision at 100")
    for first in JUDGED_ON:
        rows = week_to_judge(payments, first.toordinal())
        measures = quality_of(payments.frauds[rows].astype(np.int8), scores[rows])
        found.append((measures["auc"], measures["ap"], card_precision(payments, rows, scores)))
        print(f"week from {first + datetime.timedelta(days=14)}    {found[-1][0]:.3f}  {found[-1][1]:.3f}  {found[-1][2]:.3f}")
    mean = np.mean(found, axis=0)
    print("mean                    " + "  ".join(f"{measure:.4f}" for measure in mean))
    assert (mean >= FLOORS[column]).all()
