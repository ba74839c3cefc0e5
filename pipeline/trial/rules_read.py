"""Reads all rules of a configuration, to say what each costs, and everything that is wrong with them at once."""

import difflib
from collections.abc import Iterator, Mapping

from features.schema.schema import Schema
from foundation.refusal import Refusal
from patterns.language.pattern import Pattern
from patterns.language.rule_folder import Reading, extended_by, read_patterns
from patterns.language.scope import Scope
from patterns.lifecycle.manifest import pattern_texts
from patterns.lists import list_names
from patterns.rules.keyed.sequence_beginnings import lacks_history
from pipeline.engine.definitions.release import features_of, models_of, schema_of

_SHOWN_MAX = 12


def read_rules(texts: Mapping[str, str]) -> Reading:
    """Reads the rules among the `texts` of a release, which are given by part.

    Raises:
        Refusal: schema, features or models do not compile.
    """
    return read_patterns(pattern_texts(texts), scope_of(texts))


def scope_of(texts: Mapping[str, str]) -> Scope:
    """Returns what the release with these `texts` offers to rules.

    Raises:
        Refusal: schema, features or models do not compile.
    """
    schema, features, models = texts["schema"], texts["features"], texts["models"]
    names = tuple(model.name for model in models_of(models, features, schema))
    return Scope(schema_of(schema), features_of(features, schema), names, frozenset(list_names(texts)))


def read_rule(texts: Mapping[str, str], id: str) -> Pattern:
    """Reads one rule among the `texts` of a release, whatever the others are.

    Raises:
        Refusal: there is no such rule, it is refused, or schema, features or models do not compile.
    """
    rules = pattern_texts(texts)
    if id not in rules:
        near = difflib.get_close_matches(id, rules, n=1)
        expected = "one of " + ", ".join(list(rules)[:_SHOWN_MAX]) if rules else "a rule: the configuration has none"
        raise Refusal("unknown rule", where="patterns", expected=expected, got=id, remedy=f"did you mean {near[0]}?" if near else "")
    extended = extended_by(id, rules[id])
    own = {name: rules[name] for name in (id, extended) if name in rules}
    return read_patterns(own, scope_of(texts)).whole()[id]


def other_refusals(texts: Mapping[str, str], refusal: Refusal) -> list[Refusal]:
    """Returns what else is wrong with the rules of a release that was refused for `refusal`, which may be that of a rule."""
    if not refusal.where.startswith("patterns/"):
        return []
    return [other for other in read_rules(texts).refusals if str(other) != str(refusal)]


def cost_lines(patterns: Mapping[str, Pattern], schema: Schema) -> Iterator[str]:
    """Yields a line for each rule: what it costs an event, what one key keeps, and whether its sequence begins from history."""
    for pattern in patterns.values():
        kinds = dict.fromkeys(threshold.key for threshold in pattern.adaptive.values())
        if pattern.sequence is not None:
            kinds[pattern.sequence.key] = None
        state = f", and {pattern.cost.state_bytes} bytes of state for each {' and '.join(kinds)}" if kinds else ""
        yield f"rule {pattern.id} costs an event at most {pattern.cost.units} ns of CPU{state}"
        if pattern.sequence is not None:
            lacking = lacks_history(pattern, schema)
            begins = f"begins with nothing: {lacking}" if lacking else "begins from the history of each key"
            yield f"rule {pattern.id} {begins}"
