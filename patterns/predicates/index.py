"""The dictionary of the predicates of all conditions, and their index by attribute."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foundation.number_arrays import Int64s
from foundation.slices import Slices, numbers_of, parts_of
from patterns.predicates.atoms import Atom, Attribute
from patterns.predicates.blocks import Blocks, build_blocks
from patterns.predicates.form import Form
from patterns.predicates.span_table import Cuts, SpanTable
from patterns.predicates.text_numbers import TextNumbers
from patterns.predicates.tree import MISSING_MEANS


class Codes(NamedTuple):
    """Holds what candidates are verified by.

    Args:
        missing: [conditions] truth of an atom that has no value because something is missing.
        code_starts, code: [conditions + 1] where the code of each begins; [operations, 2], see `tree.Op`.
        atom_starts, atoms: [conditions + 1] where the atoms of each begin; the number of each.
        attributes, flags: [distinct atoms] what they ask about; whether they are true of NaN (1) and false of a missing value (2).
        span_starts, first, last: [distinct atoms + 1] where the spans of each begin; of each the first cell and the one behind the last.
        depth: how many truths a stack holds at most.
    """

    missing: NDArray[np.uint8]
    code_starts: Int64s
    code: Int64s
    atom_starts: Int64s
    atoms: Int64s
    attributes: Int64s
    flags: NDArray[np.uint8]
    span_starts: Int64s
    first: Int64s
    last: Int64s
    depth: int


class Late(NamedTuple):
    """Tells by whom the values are asked for that cost something: they are not got where nobody is left who asks.

    Args:
        first: the number of the first such attribute; they come last, the cheapest first.
        starts, conditions: [late attributes + 1] where those who ask for each begin; the conditions, each once.
        pairs: [late attributes, blocks] the pair of each block with each, see `Blocks`; -1 where there is none.
    """

    first: int
    starts: Int64s
    conditions: Int64s
    pairs: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """Holds conditions as arrays.

    Args:
        forms: of each condition.
        attributes: what the conditions ask about, ascending by cost; kernels number them so.
        atoms: the distinct atomic predicates of all conditions.
        texts: numbers of text constants.
    """

    forms: tuple[Form, ...]
    attributes: tuple[Attribute, ...]
    atoms: tuple[Atom, ...]
    texts: TextNumbers
    cuts: Cuts
    blocks: Blocks
    codes: Codes
    late: Late


def build_index(forms: Sequence[Form], texts: TextNumbers) -> Slices[Index]:
    """Puts conditions together."""
    atoms: dict[Atom, int] = {}
    asked: dict[Attribute, None] = {}
    for part in parts_of(forms):
        for atom in (atom for form in part for atom in form.atoms):
            atoms.setdefault(atom, len(atoms))
            asked[_asked(atom)] = None
        yield
    attributes = {attribute: at for at, attribute in enumerate(sorted(asked, key=lambda each: each.cost_ns))}
    distinct = tuple(atoms)
    of = yield from numbers_of(distinct, lambda atom: (attributes[_asked(atom)],))
    spans = yield from SpanTable.in_slices(of.tolist(), [atom.spans for atom in distinct])
    cuts = spans.cuts(len(attributes))
    yield
    blocks = yield from build_blocks(forms, attributes, cuts)
    codes = yield from _codes(forms, atoms, spans, cuts)
    late = _late(codes, attributes, blocks)
    yield
    return Index(tuple(forms), tuple(attributes), distinct, texts, cuts, blocks, codes, late)


def _asked(atom: Atom) -> Attribute:
    assert atom.attribute is not None
    return atom.attribute


def _codes(forms: Sequence[Form], atoms: dict[Atom, int], spans: SpanTable, cuts: Cuts) -> Slices[Codes]:
    missing = yield from numbers_of(forms, lambda form: (MISSING_MEANS[form.missing],), np.uint8)
    lengths = yield from numbers_of(forms, lambda form: (len(form.code),))
    counts = yield from numbers_of(forms, lambda form: (len(form.atoms),))
    numbers = yield from numbers_of(forms, lambda form: (atoms[atom] for atom in form.atoms))
    flags = yield from numbers_of(tuple(atoms), lambda atom: (atom.nan + 2 * atom.presence,), np.uint8)
    codes = [np.zeros((0, 2), np.int64)]
    for part in parts_of(forms):
        codes.append(np.concatenate([form.code for form in part]))
        yield
    depths = yield from numbers_of(forms, lambda form: (form.depth,))
    depth = int(depths.max(initial=0))
    first, last = spans.cells(cuts)
    yield
    code = np.concatenate(codes)
    return Codes(missing, _starts(lengths), code, _starts(counts), numbers, spans.attributes, flags, spans.starts, first, last, depth)


def _late(codes: Codes, attributes: dict[Attribute, int], blocks: Blocks) -> Late:
    first = sum(attribute.cost_ns == 0 for attribute in attributes)
    count, conditions = len(attributes) - first, len(codes.missing)
    owners = np.repeat(np.arange(conditions), np.diff(codes.atom_starts))
    of_atoms = codes.attributes[codes.atoms]
    asking = np.unique((of_atoms - first)[of_atoms >= first] * conditions + owners[of_atoms >= first])
    pairs = np.full((count, len(blocks.pair_starts) - 1), -1)
    blocks_of_pairs = np.repeat(np.arange(len(blocks.pair_starts) - 1), np.diff(blocks.pair_starts))
    late_pairs = np.flatnonzero(blocks.pair_attributes >= first)
    pairs[blocks.pair_attributes[late_pairs] - first, blocks_of_pairs[late_pairs]] = late_pairs
    starts = np.searchsorted(asking, np.arange(count + 1) * conditions)
    return Late(first, starts, asking % max(conditions, 1), pairs)


def _starts(counts: Int64s) -> Int64s:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
