"""How models.yaml says that a feature, or several models together, are scored by their tail probability: `kind: feature` and `combine`."""

from collections.abc import Mapping

from foundation.document import Section

FEATURE, COMBINE = "feature", "combine"
FIELDS_OF_FEATURE = ("name", "kind", "scope", "of", "parameters", "publish_every", "sample")
FIELDS_OF_COMBINE = ("name", "kind", "learns", "of", "by", "parameters", "publish_every", "sample")
MODEL_OF_KEYS = "anomaly.SPOT"
"""What scores a feature by the values of its own key."""
_OF_EVENTS, _OF_LABELS = "combine.Cauchy", "combine.WeightedCauchy"
MODEL_OF_ALL = _OF_EVENTS
"""What scores a feature by the values of all events."""


def combining_model(section: Section) -> str:
    """Returns the name in the catalogue of what combines models: it learns weights where it is to learn from labels.

    Raises:
        Refusal: it names another way of combining or of learning.
    """
    if section.has("by"):
        section.at("by").choice(("cauchy",))
    learns = section.at("learns").choice(("events", "labels")) if section.has("learns") else "events"
    return _OF_LABELS if learns == "labels" else _OF_EVENTS


def read_combined(section: Section, earlier: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the names of the models that are combined, in their order.

    Args:
        section: the list under `of`.
        earlier: the models that stand before, with their definitions: each must have scored an event before they are combined.

    Raises:
        Refusal: a model is named twice, or does not stand before, or there are fewer than two.
    """
    names: list[str] = []
    for item in section.items():
        name = item.text()
        if name not in earlier:
            expected = "models that stand before it: " + (", ".join(earlier) or "none")
            item.refuse("unknown model", expected, name, "models score in the order of the file")
        if name in names:
            item.refuse("model given twice", "each model once", name)
        names.append(name)
    if len(names) < 2:
        section.refuse("too few models", "at least two", len(names))
    return tuple(names)
