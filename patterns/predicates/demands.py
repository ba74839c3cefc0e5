"""What a condition demands of each attribute before it can hold, so that an index can leave out most events."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from patterns.language.pattern import Missing
from patterns.predicates.atoms import Atom, Attribute
from patterns.predicates.spans import NOTHING, Spans, complement, intersection, union
from patterns.predicates.tree import Junction, Leaf, Not, Tree, Truth, atoms_of, constant_truth


@dataclass(frozen=True, slots=True)
class Allowed:
    """Holds the values of an attribute that leave a condition possible.

    Args:
        spans: their numbers.
        nan, missing, error: whether the double NaN, a missing value and an error are among them.
    """

    spans: Spans = NOTHING
    nan: bool = False
    missing: bool = False
    error: bool = False

    def both(self, other: "Allowed") -> "Allowed":
        """Returns what both hold."""
        spans = intersection(self.spans, other.spans)
        return Allowed(spans, self.nan and other.nan, self.missing and other.missing, self.error and other.error)

    def either(self, other: "Allowed") -> "Allowed":
        """Returns what one of them holds."""
        spans = union(self.spans, other.spans)
        return Allowed(spans, self.nan or other.nan, self.missing or other.missing, self.error or other.error)


@dataclass(frozen=True, slots=True)
class Demands:
    """Says what attributes have to be.

    Args:
        of: by attribute what is allowed; other attributes may be anything.
        exact: the condition holds wherever all of these are met, and neither lacks a value nor errs anywhere.
        never: the condition holds for no event, and neither lacks a value nor errs anywhere.
    """

    of: Mapping[Attribute, Allowed]
    exact: bool = False
    never: bool = False


ANYTHING = Demands({})
_ALWAYS = Demands({}, exact=True)
_NEVER = Demands({}, exact=True, never=True)


def demands_of(tree: Tree, missing: Missing, wanted: bool = True) -> Demands:
    """Returns what must be met before `tree` can be anything but false (or, unless `wanted`, anything but true)."""
    if isinstance(tree, Leaf):
        return _of_atom(tree.atom, missing, wanted)
    if isinstance(tree, Not):
        return demands_of(tree.part, missing, not wanted)
    if isinstance(tree, Junction):
        parts = [demands_of(part, missing, wanted) for part in tree.parts]
        return _all(parts) if tree.all is wanted else _any(parts)
    if any(_can_fail(atom, missing) for atom in atoms_of(tree.condition)):  # then the choice fails whatever its sides are
        return ANYTHING
    yes = _all([demands_of(tree.condition, missing), demands_of(tree.yes, missing, wanted)])
    no = _all([demands_of(tree.condition, missing, False), demands_of(tree.no, missing, wanted)])
    return _any([yes, no])


def _of_atom(atom: Atom, missing: Missing, wanted: bool) -> Demands:
    if atom.attribute is None:
        truth = constant_truth(atom)
        if truth in (Truth.MISSING, Truth.ERROR):
            truth = Truth.FALSE if truth is Truth.MISSING and missing is Missing.FALSE else truth
            truth = Truth.TRUE if truth is Truth.MISSING and missing is Missing.TRUE else truth
        if truth in (Truth.MISSING, Truth.ERROR):
            return ANYTHING
        return _ALWAYS if (truth is Truth.TRUE) is wanted else _NEVER
    spans = atom.spans if wanted else complement(atom.spans)
    absent = not wanted if atom.presence else missing is Missing.SKIP or (missing is Missing.TRUE) is wanted
    failed = wanted if atom.presence else atom.attribute.program is not None
    return Demands({atom.attribute: Allowed(spans, atom.nan is wanted, absent, failed)}, exact=not _can_fail(atom, missing))


def _can_fail(atom: Atom, missing: Missing) -> bool:
    """Tells whether the atom may be neither true nor false."""
    if atom.attribute is None:
        return isinstance(atom.constant, bool) is False
    return atom.attribute.program is not None or (missing is Missing.SKIP and not atom.presence)


def _all(parts: Iterable[Demands]) -> Demands:
    found: dict[Attribute, Allowed] = {}
    exact = True
    for part in parts:
        if part.never:
            return _NEVER
        exact = exact and part.exact
        for attribute, allowed in part.of.items():
            found[attribute] = found[attribute].both(allowed) if attribute in found else allowed
    return Demands(found, exact)


def _any(parts: Iterable[Demands]) -> Demands:
    possible = [part for part in parts if not part.never]
    if not possible:
        return _NEVER
    shared = set.intersection(*(set(part.of) for part in possible))
    found = {}
    for attribute in possible[0].of:
        if attribute in shared:
            allowed = possible[0].of[attribute]
            for part in possible[1:]:
                allowed = allowed.either(part.of[attribute])
            found[attribute] = allowed
    exact = all(part.exact for part in possible) and (len(possible) == 1 or all(len(part.of) == len(shared) == 1 for part in possible))
    return Demands(found, exact)
