"""The tree of a condition: atoms under and, or, not and choice; its code, and what it demands of attributes.

An atom of an event is false, true, missing or an error. In ``&&`` and ``||`` a side that decides alone does so whatever the other
is; an error is graver than a missing value.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from features.expressions.functions.column import Fault
from features.expressions.functions.types import Type
from features.expressions.syntax.syntax import Chain, Choice, Node, Unary
from patterns.language.pattern import Missing
from patterns.predicates.atoms import Atom, AtomReader


class Truth(enum.IntEnum):
    """Says what an atom or a condition is for an event.

    UNKNOWN is only said afterwards, by `truths`, of what reads a value that nobody has any more; no kernel knows it.
    """

    FALSE = 0
    TRUE = 1
    MISSING = 2
    ERROR = 3
    UNKNOWN = 4


class Op(enum.IntEnum):
    """Names the operations of a condition's code, which works on a stack of truths.

    ATOM and CONSTANT push one. NOT, BOTH, EITHER and CHOICE replace one, two, two or three. UNLESS_FALSE and UNLESS_TRUE jump where the top
    decides alone, and leave it there.
    """

    ATOM = 0
    CONSTANT = 1
    NOT = 2
    BOTH = 3
    EITHER = 4
    CHOICE = 5
    UNLESS_FALSE = 6
    UNLESS_TRUE = 7


@dataclass(frozen=True, slots=True)
class Leaf:
    """Holds an atom."""

    atom: Atom


@dataclass(frozen=True, slots=True)
class Not:
    """Holds a negation."""

    part: "Tree"


@dataclass(frozen=True, slots=True)
class Junction:
    """Holds parts joined by ``&&`` (`all`) or ``||``."""

    all: bool
    parts: tuple["Tree", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Holds a choice between two conditions."""

    condition: "Tree"
    yes: "Tree"
    no: "Tree"


Tree = Leaf | Not | Junction | Either


def read_tree(node: Node, names: Mapping[str, Type], reader: AtomReader) -> Tree:
    """Returns the tree of a checked condition.

    Args:
        names: the types of the names that it reads.
    """
    if isinstance(node, Chain) and node.rest[0][0] in ("&&", "||"):
        parts = (node.first, *(operand for _, _, operand in node.rest))
        return Junction(node.rest[0][0] == "&&", tuple(read_tree(part, names, reader) for part in parts))
    if isinstance(node, Unary) and node.operator == "!":
        return Not(read_tree(node.operand, names, reader))
    if isinstance(node, Choice):
        return Either(*(read_tree(part, names, reader) for part in (node.condition, node.yes, node.no)))
    return Leaf(reader.read(node, names))


def code_of(tree: Tree, places: dict[Atom, int]) -> list[tuple[int, int]]:
    """Returns the code of `tree` as operations with their arguments; jumps go to a place in the code.

    Args:
        places: gets the number of each atom among those of the condition.
    """
    code: list[tuple[int, int]] = []
    _write(tree, places, code)
    return code


def _write(tree: Tree, places: dict[Atom, int], code: list[tuple[int, int]]) -> None:
    if isinstance(tree, Leaf):
        _write_atom(tree.atom, places, code)
    elif isinstance(tree, Not):
        _write(tree.part, places, code)
        code.append((Op.NOT, 0))
    elif isinstance(tree, Either):
        for part in (tree.condition, tree.yes, tree.no):
            _write(part, places, code)
        code.append((Op.CHOICE, 0))
    else:
        _write_junction(tree, places, code)


def _write_junction(tree: Junction, places: dict[Atom, int], code: list[tuple[int, int]]) -> None:
    jumps = []
    _write(tree.parts[0], places, code)
    for part in tree.parts[1:]:
        jumps.append(len(code))
        code.append((0, 0))
        _write(part, places, code)
        code.append((Op.BOTH if tree.all else Op.EITHER, 0))
    for at in jumps:
        code[at] = (Op.UNLESS_FALSE if tree.all else Op.UNLESS_TRUE, len(code))


def _write_atom(atom: Atom, places: dict[Atom, int], code: list[tuple[int, int]]) -> None:
    if atom.attribute is not None:
        code.append((Op.ATOM, places.setdefault(atom, len(places))))
    else:
        code.append((Op.CONSTANT, constant_truth(atom)))


def constant_truth(atom: Atom) -> Truth:
    """Returns what an atom without an attribute is for every event."""
    if isinstance(atom.constant, Fault):
        return Truth.MISSING if atom.constant is Fault.MISSING else Truth.ERROR
    return Truth.TRUE if atom.constant else Truth.FALSE


def depth_of(tree: Tree) -> int:
    """Returns how many truths the stack of the code holds at most."""
    if isinstance(tree, Leaf):
        return 1
    if isinstance(tree, Not):
        return depth_of(tree.part)
    if isinstance(tree, Either):
        return max(depth_of(part) + at for at, part in enumerate((tree.condition, tree.yes, tree.no)))
    return max(depth_of(part) + min(at, 1) for at, part in enumerate(tree.parts))


def atoms_of(tree: Tree) -> list[Atom]:
    """Returns the atoms in the order in which they are written, each as often as it stands there."""
    if isinstance(tree, Leaf):
        return [tree.atom]
    parts = (tree.part,) if isinstance(tree, Not) else tree.parts if isinstance(tree, Junction) else (tree.condition, tree.yes, tree.no)
    return [atom for part in parts for atom in atoms_of(part)]


MISSING_MEANS = {Missing.FALSE: Truth.FALSE, Missing.TRUE: Truth.TRUE, Missing.SKIP: Truth.MISSING}
"""The truth of an atom that has no value because something is missing."""
