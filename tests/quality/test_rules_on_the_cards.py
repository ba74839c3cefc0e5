"""The rules of the sample `cards` and its model find more cards than the model alone, where as many cards are looked at.

The numbers in the rules were chosen on the weeks up to the 3rd of July; the four test weeks after it were looked at once, afterwards.
"""

import datetime
import pathlib
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet
import pytest
from card_truth import DATA, LABEL_DELAY_MS, TEXTS
from numpy.typing import NDArray
from review_of_cards import Payments, card_precision, payments_of, week_to_judge

from pipeline.engine.definitions.release import compile_release
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import read_history

pytestmark = pytest.mark.skipif(not DATA.exists(), reason=f"needs {DATA.name} in the folder of WEIR_DATA")

CHOSEN_ON = [datetime.date(2018, 5, 9) + datetime.timedelta(weeks=week) for week in range(6)]
JUDGED_ON = [datetime.date(2018, 6, 20) + datetime.timedelta(weeks=week) for week in range(4)]
FLOORS = {"far_above_usual": 0.85, "spree_of_a_day": 0.6, "larger_than_ever": 0.6, "terminal_with_frauds": 0.35}
"""The least precision of each rule that acts, in each week alone."""


@dataclass
class Decided:
    """The payments with the score of the model, that of rules and model together, and which payments each rule matched."""

    payments: Payments
    alone: NDArray[np.float64]
    together: NDArray[np.float64]
    matched: dict[str, NDArray[np.bool_]]

    def week(self, first: datetime.date) -> NDArray[np.int64]:
        return week_to_judge(self.payments, first.toordinal())


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Decided:
    folder = tmp_path_factory.mktemp("cards")
    release = compile_release(1, TEXTS)
    history = read_history([DATA], release.schema, "time", "TX_FRAUD", LABEL_DELAY_MS)
    Replay(release, history, history.labels).run(folder)
    rows = pyarrow.parquet.read_table(folder / "decisions.parquet", columns=["event_id", "score", "matches", "model.fraud_lr"])
    payments = payments_of(DATA, rows["event_id"].to_numpy().astype(np.int64))
    return Decided(payments, rows["model.fraud_lr"].to_numpy(), rows["score"].to_numpy(), matched_by_rule(rows["matches"].combine_chunks()))


def matched_by_rule(matches: pyarrow.ListArray) -> dict[str, NDArray[np.bool_]]:
    rows = np.repeat(np.arange(len(matches)), np.diff(matches.offsets.to_numpy()))
    names = np.array(matches.flatten().to_pylist(), dtype=object)
    matched = {rule: np.zeros(len(matches), bool) for rule in sorted(set(names.tolist()))}
    for rule, found in matched.items():
        found[rows[names == rule]] = True
    return matched


def precisions(decided: Decided, first: datetime.date) -> tuple[float, float]:
    """Card precision of the model alone, and of rules and model together, in a fold's test week."""
    rows = decided.week(first)
    return card_precision(decided.payments, rows, decided.alone), card_precision(decided.payments, rows, decided.together)


def test_in_each_test_week_rules_and_model_find_more_cards_than_the_model_alone(decided: Decided) -> None:
    print("\ncard precision at 100   model  with rules")
    for name, folds in (("chosen on", CHOSEN_ON), ("judged on", JUDGED_ON)):
        each = [precisions(decided, first) for first in folds]
        for first, (alone, together) in zip(folds, each, strict=True):
            print(f"{name} {first + datetime.timedelta(days=14)}    {alone:.4f}  {together:.4f}")
            assert together > alone
        means = np.mean(each, axis=0)
        print(f"{name}, mean          {means[0]:.4f}  {means[1]:.4f}")
    assert means[1] > means[0] + 0.008


def test_each_rule_that_acts_is_right_as_often_as_it_says_in_each_week_alone(decided: Decided) -> None:
    print("\nrule                   matches  precision, in each test week")
    weeks = [decided.week(first) for first in JUDGED_ON]
    for rule, matched in decided.matched.items():
        rows = [week[matched[week]] for week in weeks]
        right = [float(decided.payments.frauds[row].mean()) for row in rows]
        whole = float(decided.payments.frauds[np.concatenate(rows)].mean())
        print(f"{rule:<22} {sum(map(len, rows)):>7}  {whole:.3f}, " + " ".join(f"{share:.3f}" for share in right))
        assert min(right) > FLOORS.get(rule, 0.0)
    assert set(FLOORS) <= set(decided.matched)


def test_shadow_rules_move_no_score(decided: Decided) -> None:
    acting = np.logical_or.reduce([decided.matched[rule] for rule in FLOORS])
    same = (decided.alone == decided.together) | np.isnan(decided.alone)
    assert same[~acting].all()
    assert (decided.together[acting] >= decided.alone[acting])[~np.isnan(decided.alone[acting])].all()


def test_the_card_precision_is_that_of_the_data_sets_protocol_for_the_model_alone(decided: Decided) -> None:
    assert np.mean([precisions(decided, first)[0] for first in JUDGED_ON]) == pytest.approx(0.277, abs=0.001)


def test_cards_that_were_found_are_not_looked_at_again(tmp_path: pathlib.Path) -> None:
    payments = Payments(np.array([1, 1, 2, 2]), np.array([7, 8, 7, 8]), np.array([True, False, True, True]))
    assert card_precision(payments, np.arange(4), np.array([0.9, 0.1, 0.9, 0.1])) == pytest.approx((0.01 + 0.01) / 2)
