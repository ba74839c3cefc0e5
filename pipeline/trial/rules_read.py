"""Reads all rules of a configuration, to say what each costs, and everything that is wrong with them at once."""

from collections.abc import Iterator, Mapping

from foundation.refusal import Refusal
from patterns.language.pattern import Pattern
from patterns.language.rule_folder import Reading, read_patterns
from patterns.language.scope import Scope
from patterns.lists import list_names
from patterns.rules.manifest import pattern_texts
from pipeline.engine.definitions.release import features_of, models_of, schema_of


def read_rules(texts: Mapping[str, str]) -> Reading:
    """Reads the rules among the `texts` of a release, which are given by part.

    Raises:
        Refusal: schema, features or models do not compile.
    """
    schema, features, models = texts["schema"], texts["features"], texts["models"]
    names = tuple(model.name for model in models_of(models, features, schema))
    scope = Scope(schema_of(schema), features_of(features, schema), names, frozenset(list_names(texts)))
    return read_patterns(pattern_texts(texts), scope)


def other_refusals(texts: Mapping[str, str], refusal: Refusal) -> list[Refusal]:
    """Returns what else is wrong with the rules of a release that was refused for `refusal`, which may be that of a rule."""
    if not refusal.where.startswith("patterns/"):
        return []
    return [other for other in read_rules(texts).refusals if str(other) != str(refusal)]


def cost_lines(patterns: Mapping[str, Pattern]) -> Iterator[str]:
    """Yields a line for each rule: what it costs an event, and what one key keeps."""
    for pattern in patterns.values():
        kinds = dict.fromkeys(threshold.key for threshold in pattern.adaptive.values())
        if pattern.sequence is not None:
            kinds[pattern.sequence.key] = None
        state = f", and {pattern.cost.state_bytes} bytes of state for each {' and '.join(kinds)}" if kinds else ""
        yield f"rule {pattern.id} costs an event at most {pattern.cost.units} ns of CPU{state}"
