"""Formats the templates of features, and the features of a configuration, for a terminal."""

import difflib

from features.definitions.template import Template
from features.definitions.template_registry import TEMPLATES
from features.sets.feature_set import FeatureSet
from foundation.refusal import Refusal

_WIDTH = 20


def templates_page() -> str:
    """One line for each template: its name and the first sentence of its meaning."""
    lines = [f"{template.name:<{_WIDTH}} {_first_sentence(template.meaning)}" for template in TEMPLATES.values()]
    return "\n".join([*lines, "", "weir features NAME describes one template; weir features --config DIR lists the features of a folder."])


def template_page(name: str) -> str:
    """The whole description of one template.

    Raises:
        Refusal: there is no template with this name.
    """
    template = TEMPLATES.get(name)
    if template is None:
        near = difflib.get_close_matches(name, TEMPLATES, n=1)
        remedy = f"did you mean {near[0]}?" if near else ""
        raise Refusal("unknown template", where="weir features", expected="one of " + ", ".join(TEMPLATES), got=name, remedy=remedy)
    parts = [f"{template.name}: {template.meaning}", f"Measured in {template.unit}." if template.unit else "", "", "Parameters:"]
    parts += [f"  {parameter.name:<{_WIDTH - 2}} {parameter.meaning}.{_default(parameter.default)}" for parameter in template.parameters]
    if template.unsuited:
        parts += ["", "It makes no sense with:"]
        parts += [f"  {form:<{_WIDTH - 2}} {reason}" for form, reason in template.unsuited.items()]
    return "\n".join([*parts, "", _cost(template), "", "Example:", template.example])


def features_page(features: FeatureSet) -> str:
    """One line for each feature: its name, template, entity type and cost."""
    rows = []
    for definition in features.definitions.values():
        written = features.written[definition.name]
        template = str(written.get("template", "expression"))
        rows.append(f"{definition.name:<32} {template:<{_WIDTH}} {definition.kind:<24} {definition.cost_ns:>6} ns")
    return "\n".join(rows)


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].rstrip(".") + "."


def _default(default: str | None) -> str:
    if default is None:
        return " It must be given."
    return f" Default: {default}." if default else ""


def _cost(template: Template) -> str:
    state = f"{8 * template.state_words} bytes for each window and entity"
    if template.value_words:
        state += f", and {8 * template.value_words} for each different value in it"
    return f"It costs about {template.cost_ns} ns per event and keeps {state}."
