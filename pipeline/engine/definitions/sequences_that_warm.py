"""Finds the rules of a change whose sequences begin with nothing; this is known before any event comes."""

from features.schema.schema import Schema
from patterns.language.pattern import Pattern
from patterns.rules.keyed.sequence_beginnings import lacks_history
from patterns.rules.rule_set import RuleSet
from pipeline.engine.definitions.release import Release


def sequences_that_warm(old: Release, new: Release) -> tuple[str, ...]:
    """Returns the ids of the rules of `new` whose sequences are new or changed and begin with nothing for keys that were known under `old`.

    All others go on, or begin from the rows of history that span them.
    """
    if not isinstance(new.rules, RuleSet):
        return ()
    known = set(old.rules.sequence_names.values()) if isinstance(old.rules, RuleSet) else set()
    names = new.rules.sequence_names
    began = [rule.pattern for rule in new.rules.rules if names.get(rule.pattern.id, "") not in known | {""}]
    return tuple(pattern.id for pattern in began if lacks_history(pattern, new.schema) or _lacked(pattern, old.schema))


def _lacked(pattern: Pattern, old: Schema) -> bool:
    """Tells whether rows under an older schema lack fields that the rule reads: what is retained now may not have been."""
    retained = {f"event.{field.name}" for field in old.fields if field.retain} | {f"event.{old.time_field}"}
    assert pattern.sequence is not None
    conditions = (*pattern.sequence.conditions, *(() if pattern.when is None else (pattern.when,)))
    read = {name for condition in conditions for name in condition.names if name.startswith("event.")}
    return not read <= retained
