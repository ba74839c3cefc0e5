"""The quality of scores is measured by ROC AUC, average precision, and recall at fixed false-positive rates."""

import numpy as np
from numpy.typing import NDArray

FALSE_POSITIVE_RATES = (0.001, 0.005, 0.01)


def quality_of(labels: NDArray[np.int8], scores: NDArray[np.float64]) -> dict[str, float]:
    """Gives the measures by name; each is in [0, 1], and NaN if there are no positives or no negatives.

    Tied scores count half in the AUC (Mann-Whitney) and are taken together in precision and recall. Cost: O(n log n).

    Args:
        labels: 0 or 1 for each event.
        scores: of the same events; a higher score is stranger, and NaN ranks lowest.
    """
    ranked = np.where(np.isnan(scores), -np.inf, scores)
    order = np.argsort(-ranked, kind="stable")
    last_of_ties = np.append(ranked[order][1:] != ranked[order][:-1], True)
    hits = np.cumsum(labels[order])[last_of_ties]
    misses = np.flatnonzero(last_of_ties) + 1 - hits
    positives, negatives = int(labels.sum()), int(len(labels) - labels.sum())
    names = ["auc", "ap", *(f"recall_at_{rate:.1%}" for rate in FALSE_POSITIVE_RATES)]
    if not positives or not negatives:
        return dict.fromkeys(names, float("nan"))
    recall, false_positives = np.append(0.0, hits / positives), np.append(0.0, misses / negatives)
    area = float(np.sum(np.diff(false_positives) * (recall[1:] + recall[:-1]) / 2))
    precision = float(np.sum(hits / (hits + misses) * np.diff(hits, prepend=0)) / positives)
    at_rates = [float(recall[np.searchsorted(false_positives, rate, side="right") - 1]) for rate in FALSE_POSITIVE_RATES]
    return dict(zip(names, [area, precision, *at_rates], strict=True))
