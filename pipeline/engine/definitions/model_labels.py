"""Which labels teach a model, and how much at most, as models.yaml says it under `labels`."""

from collections.abc import Mapping
from dataclasses import dataclass

from features.schema.label_sources import ABOVE_MAX, BELOW_MAX, WEIGHT_MAX, LabelSources
from foundation.document import Section

RANKS = BELOW_MAX + 1 + ABOVE_MAX
"""How many ranks sources may have, see `features.schema.label_sources`."""


@dataclass(frozen=True, slots=True)
class ModelLabels:
    """How labels teach one model.

    Args:
        factors: [RANKS] what the weight of a source's labels is multiplied by, from the lowest rank on; 0 for a source whose labels do not
            teach the model.
        share: of all that the model is taught, at most this much comes from any one source; 1 where there is no such bound.
        step: the most that one label weighs.
    """

    factors: tuple[float, ...] = (1.0,) * RANKS
    share: float = 1.0
    step: float = WEIGHT_MAX


ALL_LABELS = ModelLabels()


def read_model_labels(section: Section, sources: LabelSources) -> ModelLabels:
    """Reads a model's `labels`: `sources`, a list or a mapping to factors; `share` and `step`.

    Raises:
        Refusal: a source is not in the order of schema.yaml, or a number is out of range.
    """
    section.only("sources", "share", "step")
    share = section.at("share").share(1e-6, 1.0) if section.has("share") else 1.0
    step = section.at("step").number(1e-6, WEIGHT_MAX) if section.has("step") else WEIGHT_MAX
    if not section.has("sources"):
        return ModelLabels(share=share, step=step)
    factors = [0.0] * RANKS
    for source, factor in _sources(section.at("sources"), sources).items():
        factors[sources.rank(source) + BELOW_MAX] = factor
    return ModelLabels(tuple(factors), share, step)


def _sources(section: Section, sources: LabelSources) -> Mapping[str, float]:
    """The factor of each source that is named; those of a list count once."""
    if section.is_list():
        named = [(name, 1.0) for name in section.items()]
    else:
        named = [(name, factor.number(1e-6, WEIGHT_MAX)) for name, factor in section.entries()]
    if not named:
        section.refuse("no source", "at least one source")
    found: dict[str, float] = {}
    for name, factor in named:
        source = name.choice(sources.order)
        if source in found:
            name.refuse("source named twice", "each source once", source)
        found[source] = factor
    return found
