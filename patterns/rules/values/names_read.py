"""What a rule reads of events, features, models, facts and lists."""

from collections.abc import Iterable

from patterns.language.pattern import Formula, Pattern


def names_read(pattern: Pattern) -> tuple[str, ...]:
    """Returns the names that the conditions and the reason of a rule read, each once."""
    return _names_of((*pattern.conditions, *_formulas_of_reason(pattern)))


def names_read_or_learned(pattern: Pattern) -> tuple[str, ...]:
    """Returns the names that anything of a rule reads, each once: also what its thresholds are learned of."""
    return _names_of(_formulas_of(pattern))


def lists_read(pattern: Pattern) -> frozenset[str]:
    """Returns the lists that anything of a rule asks."""
    return frozenset().union(*(formula.lists for formula in _formulas_of(pattern)))


def _formulas_of(pattern: Pattern) -> list[Formula]:
    learned = [formula for each in pattern.adaptive.values() for formula in (each.of, each.cohort) if formula is not None]
    return [*pattern.conditions, *_formulas_of_reason(pattern), *learned]


def _formulas_of_reason(pattern: Pattern) -> list[Formula]:
    return [] if pattern.then.reason is None else [part for part in pattern.then.reason.parts if isinstance(part, Formula)]


def _names_of(formulas: Iterable[Formula]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for formula in formulas for name in formula.names))
