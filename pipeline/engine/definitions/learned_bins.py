"""Warns of models that take the ends of their bins from the first events that they learn of, where nobody has given them."""

from collections.abc import Iterable

from pipeline.engine.definitions.model import Model

_CROSSED = "linear_model.CrossedLogisticRegression"
_FIT_ROWS = 1_000
"""The default of `fit_rows` of `detectors.regression.crossed_regression.CrossedLogisticRegression`."""


def learned_bins(models: Iterable[Model]) -> dict[str, str]:
    """Returns a sentence for each model whose bins nobody has given, by its name."""
    return {model.name: _sentence(model) for model in models if model.model == _CROSSED and "edges" not in model.parameters}


def _sentence(model: Model) -> str:
    rows = model.parameters.get("fit_rows", _FIT_ROWS)
    return (
        f"models.yaml: model {model.name}: without edges the bins of {', '.join(model.inputs)} are cut at quantiles of the first {rows}"
        " labelled events: until then it learns nothing, and afterwards they stay, however the values change;"
        " give edges, the ascending lower ends of the bins of each input, where these are known"
    )
