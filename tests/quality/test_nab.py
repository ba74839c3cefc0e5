"""Weir's own engine scores the series of the Numenta Anomaly Benchmark by one configuration, `nab/`, as one stream of all of them.

The combination's ranks come from all series before; the tails and features are each series' own. Which features are
combined was chosen on this corpus, for all series at once, among some fifty scores and several hundred combinations of them. An alarm is
what people are told: an alert, to which events of the same series belong that come within its window and are no stranger.
"""

import math
import pathlib
from collections import deque

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet
import pytest
from nab_corpus import CORPUS, Corpus, Series, read_corpus
from nab_score import FALSE_ALARM, best_score, judged
from numpy.typing import NDArray

from pipeline.engine.definitions.release import compile_release
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import read_history
from pipeline.trial.configuration_folder import read_texts

WINDOW_S = 8 * 3_600
CONFIGURATION = pathlib.Path(__file__).parent / "nab"
needs_corpus = pytest.mark.skipif(not CORPUS.exists(), reason=f"needs {CORPUS.name} in the folder of WEIR_DATA")


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return read_corpus(CORPUS)


@needs_corpus
def test_one_configuration_finds_anomalies_in_all_series(corpus: Corpus, tmp_path: pathlib.Path) -> None:
    release = compile_release(1, read_texts(CONFIGURATION))
    pyarrow.parquet.write_table(events_of(corpus), tmp_path / "events.parquet")
    history = read_history([tmp_path / "events.parquet"], release.schema)
    Replay(release, history, None).run(tmp_path)
    decided = pyarrow.parquet.read_table(tmp_path / "decisions.parquet", columns=["event_id", "score"])
    scores = np.full(sum(len(series.rows) for series in corpus.series), np.nan)
    scores[decided["event_id"].to_numpy().astype(np.int64)] = decided["score"].to_numpy()
    ends = np.cumsum([len(series.rows) for series in corpus.series])[:-1]
    series = [judged(len(each.rows), each.windows) for each in corpus.series]
    events, _ = best_score(zip(series, np.split(scores, ends), strict=True))
    opened = [opens_an_alert(times_of(each), own) for each, own in zip(corpus.series, np.split(scores, ends), strict=True)]
    score, threshold = best_score(zip(series, opened, strict=True))
    print(f"\nNAB, standard profile: {score:.1f} at the threshold {threshold:.6f}; {events:.1f} if each event above one is an alarm")
    assert score >= 61.0


@needs_corpus
def test_a_detector_that_finds_nothing_scores_as_published(corpus: Corpus) -> None:
    windows = sum(len(series.windows) for series in corpus.series)
    assert corpus.published["null"] == -windows
    nothing = [(judged(len(series.rows), series.windows), np.full(len(series.rows), 0.5)) for series in corpus.series]
    assert best_score(nothing) == (0.0, np.inf)


def test_an_alarm_counts_by_its_place_as_worked_out_by_hand() -> None:
    series = judged(40, [(10, 14)])
    whole = math.tanh(2.5)  # 2 / (1 + e^-5) - 1
    assert series.worth[10] == pytest.approx(1.0)  # a full width before the window's end
    assert series.worth[14] == pytest.approx(math.tanh(0.5) / whole)  # a fifth of it before the end
    assert series.worth[16] == pytest.approx(-FALSE_ALARM * math.tanh(1.25))  # two of four steps behind it
    assert series.worth[[0, 27]].tolist() == [-FALSE_ALARM, -FALSE_ALARM]
    assert series.counts.tolist() == [False] * 6 + [True] * 34


def test_one_threshold_serves_all_series_and_only_the_best_alarm_of_a_window_counts() -> None:
    first, second = np.zeros(40), np.zeros(40)
    first[[2, 11, 12, 30]] = 0.9, 0.9, 0.9, 0.7  # row 2 is not scored; row 11 is four fifths of a width before the end
    second[20] = 0.8  # a false alarm of the other series, between the two thresholds
    found = math.tanh(2.0) / math.tanh(2.5)
    corpus = [(judged(40, [(10, 14)]), first), (judged(40, [(30, 34)]), second)]
    score, threshold = best_score(corpus)
    assert threshold == 0.9
    assert score == pytest.approx(100.0 * (found - 1.0 + 2.0) / 4.0)


def test_a_detector_that_finds_every_window_at_once_scores_100() -> None:
    scores = np.zeros(40)
    scores[10] = 1.0
    assert best_score([(judged(40, [(10, 14)]), scores)])[0] == pytest.approx(100.0)


def test_a_score_opens_an_alert_unless_one_as_high_came_within_the_alerts_window() -> None:
    hours = np.array([0, 1, 2, 10, 11, 20]) * 3_600
    assert opens_an_alert(hours, np.array([0.5, 0.4, 0.7, 0.6, 0.7, 0.1])).tolist() == pytest.approx(
        [0.5, np.nan, 0.7, np.nan, 0.7, 0.1], nan_ok=True
    )
    joined = opens_an_alert(np.array([0, 7, 9]) * 3_600, np.array([0.9, 0.5, 0.5]))
    assert np.isnan(joined).tolist() == [False, True, True], "one that joined an alert holds up the next of its height"


def opens_an_alert(times: NDArray[np.int64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the scores [n] at `times` [n], in seconds; NaN where one as high came within `WINDOW_S` before, whose alert it joins."""
    opened, highest = scores.copy(), deque[tuple[int, float]]()  # falling scores of the window, each the highest since its time
    for at, (time, score) in enumerate(zip(times.tolist(), scores.tolist(), strict=True)):
        while highest and highest[0][0] < time - WINDOW_S:
            highest.popleft()
        if highest and highest[0][1] >= score:
            opened[at] = np.nan
        while highest and highest[-1][1] <= score:
            highest.pop()
        highest.append((time, score))
    return opened


def times_of(series: Series) -> NDArray[np.int64]:
    return series.rows["timestamp"].cast(pa.int64()).to_numpy()


def events_of(corpus: Corpus) -> pa.Table:
    """All series as events, numbered through."""
    rows = pa.concat_tables([series.rows for series in corpus.series])
    names = [series.name for series in corpus.series for _ in range(len(series.rows))]
    hours = pyarrow.compute.hour(rows["timestamp"]).cast(pa.string())
    at = rows["timestamp"].cast(pa.timestamp("ms")).cast(pa.int64())
    return pa.table({"number": np.arange(len(rows)), "at": at, "series": names, "hour": hours, "value": rows["value"]})
