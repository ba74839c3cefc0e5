"""Writes lists and maps out: membership, elements, lengths and equality become steps over single values."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from features.expressions.functions.column import Column, Fault, Value
from features.expressions.functions.comparison import OneOf
from features.expressions.functions.functions import STANDARD
from features.expressions.functions.kernel import Plain
from features.expressions.functions.logic import both, choose, either, provided
from features.expressions.functions.operators import CONSTANT_TEXT_COST, NOT, NUMBER_COST
from features.expressions.functions.terms import Item, Key, ListTerm, MapTerm, Scalar, Term, alike, steps_of
from features.expressions.functions.types import Type
from features.expressions.program import Builder
from features.expressions.syntax.bounds import LIST_LENGTH_MAX
from foundation.place import Mark, Source

LOGIC_COST = 4
_COUNT = Plain(Type.INT, lambda *truths: sum(np.asarray(truth, dtype=np.int64) for truth in truths))
_AS_DOUBLE = STANDARD.find("double", (Type.INT,))


@dataclass(frozen=True)
class Aggregates:
    """Makes the steps of one expression's lists and maps."""

    builder: Builder
    source: Source

    def list_of(self, terms: Iterable[Term], at: Mark) -> ListTerm:
        """Makes a list of these elements, which must be of one type."""
        found = tuple(terms)
        for term in found[1:]:
            if not alike(found[0], term):
                self.source.refuse(at, "elements of several types", f"every element of type {found[0].shown}", f"{term.shown}")
        return ListTerm(tuple(Item(term) for term in found), self._needed(found))

    def map_of(self, entries: Iterable[tuple[Key, Term]], at: Mark) -> MapTerm:
        """Makes a map of these entries."""
        found = tuple(entries)
        keys = [key for key, _ in found]
        if len(set(keys)) < len(keys):
            twice = next(key for key in keys if keys.count(key) > 1)
            self.source.refuse(at, "key given twice", "each key once", twice.value)
        return MapTerm(found, self._needed(term for _, term in found))

    def truth(self, value: bool) -> int:
        """Returns the constant step true or false."""
        return self.builder.constant(Type.BOOL, value)

    def all_of(self, steps: Iterable[int], at: Mark) -> int:
        """Returns the step that is true when all `steps` are."""
        result = self.truth(True)
        for step in steps:
            result = self.builder.apply(both, result, step, cost=LOGIC_COST, at=at)
        return result

    def any_of(self, steps: Iterable[int], at: Mark) -> int:
        """Returns the step that is true when one of `steps` is."""
        result = self.truth(False)
        for step in steps:
            result = self.builder.apply(either, result, step, cost=LOGIC_COST, at=at)
        return result

    def negated(self, step: int, at: Mark) -> int:
        """Returns the step that is true when `step` is false."""
        return self.builder.apply(NOT, step, cost=NUMBER_COST, at=at)

    def strict(self, step: int, term: Term, at: Mark) -> int:
        """Returns `step`, but without a value wherever the list or map `term` has none."""
        needed = tuple(steps_of(term))
        return self.builder.apply(provided, step, *needed, cost=LOGIC_COST * len(needed), at=at) if needed else step

    def size(self, term: ListTerm | MapTerm, at: Mark) -> Scalar:
        """Returns the number of elements."""
        guards = [item.guard for item in term.items if item.guard is not None] if isinstance(term, ListTerm) else []
        length = len(term.items if isinstance(term, ListTerm) else term.entries) - len(guards)
        step = self.builder.constant(Type.INT, length)
        if guards:
            sure = [self.truth(True)] * length
            step = self.builder.apply(_COUNT, *sure, *guards, cost=LOGIC_COST * (length + len(guards)), at=at)
        return Scalar(Type.INT, self.strict(step, term, at))

    def equal(self, a: Term, b: Term, at: Mark) -> int:
        """Returns the step that tells whether two terms of like types are equal."""
        if isinstance(a, Scalar) and isinstance(b, Scalar):
            return self._equal_scalars(a, b, at)
        if isinstance(a, ListTerm) and isinstance(b, ListTerm):
            if any(item.guard is not None for item in (*a.items, *b.items)):
                self.source.refuse(at, "a filtered list cannot be compared", "lists whose length does not depend on the event", "filter(…)")
            same = self._all_equal([(x.term, y.term) for x, y in zip(a.items, b.items, strict=False)], len(a.items) == len(b.items), at)
        else:
            assert isinstance(a, MapTerm)
            assert isinstance(b, MapTerm)
            others = dict(b.entries)
            pairs = [(value, others[key]) for key, value in a.entries if key in others]
            same = self._all_equal(pairs, len(pairs) == len(a.entries) == len(b.entries), at)
        return self.strict(self.strict(same, a, at), b, at)

    def contains(self, element: Term, container: ListTerm | MapTerm, at: Mark) -> Scalar:
        """Makes the value that tells whether a list has an element, or a map a key."""
        items = container.items if isinstance(container, ListTerm) else tuple(Item(self.key(key)) for key, _ in container.entries)
        for item in items[:1]:
            if not alike(element, item.term):
                self.source.refuse(at, "types that cannot be compared", f"{item.term.shown} on the left", f"{element.shown}")
        found = self._among_constants(element, items, at)
        if found is None:
            found = self.any_of((self._guarded(item, self.equal(element, item.term, at), at) for item in items), at)
        return Scalar(Type.BOOL, self.strict(self.strict(found, element, at), container, at))

    def element(self, container: ListTerm, index: Scalar, at: Mark) -> Term:
        """Returns the element at an index."""
        if any(item.guard is not None for item in container.items):
            self.source.refuse(at, "a filtered list has no indexes", "a list whose length does not depend on the event", "filter(…)")
        options = [(Key(Type.INT, place), item.term) for place, item in enumerate(container.items)]
        return self._picked(options, container, index, Fault.OUT_OF_RANGE, at)

    def entry(self, container: MapTerm, key: Scalar, at: Mark) -> Term:
        """Returns the value under a key."""
        for known, _ in container.entries[:1]:
            if not alike(key, self.key(known)):
                self.source.refuse(at, "key of another type", f"{known.type.value}", f"{key.shown}")
        return self._picked(container.entries, container, key, Fault.NO_SUCH_KEY, at)

    def key(self, key: Key) -> Scalar:
        """Returns a key as a value."""
        return Scalar(key.type, self.builder.constant(key.type, key.value))

    def joined(self, a: ListTerm, b: ListTerm, at: Mark) -> ListTerm:
        """Joins two lists, one after the other."""
        if not alike(a, b):
            self.source.refuse(at, "elements of several types", f"{a.shown} on both sides", f"{b.shown}")
        if len(a.items) + len(b.items) > LIST_LENGTH_MAX:
            self.source.refuse(at, "list too long", f"at most {LIST_LENGTH_MAX} elements", len(a.items) + len(b.items))
        return ListTerm(a.items + b.items, _once(a.needed + b.needed))

    def _needed(self, terms: Iterable[Term]) -> tuple[int, ...]:
        steps = dict.fromkeys(step for term in terms for step in steps_of(term))
        return tuple(step for step in steps if (value := self.builder.value_of(step)) is None or isinstance(value, Fault))

    def _all_equal(self, pairs: list[tuple[Term, Term]], same_length: bool, at: Mark) -> int:
        if not same_length:
            return self.truth(False)
        for a, b in pairs:
            if not alike(a, b):
                self.source.refuse(at, "types that cannot be compared", f"{a.shown} on both sides", f"{b.shown}")
        return self.all_of((self.equal(a, b, at) for a, b in pairs), at)

    def _equal_scalars(self, a: Scalar, b: Scalar, at: Mark) -> int:
        overload = STANDARD.find("==", (a.type, b.type))
        assert overload is not None
        assert overload.kernel is not None
        constant = self.builder.value_of(a.step) is not None or self.builder.value_of(b.step) is not None
        cost = CONSTANT_TEXT_COST if constant else overload.cost
        return self.builder.apply(overload.kernel, a.step, b.step, cost=cost, at=at)

    def _guarded(self, item: Item, step: int, at: Mark) -> int:
        return step if item.guard is None else self.builder.apply(both, item.guard, step, cost=LOGIC_COST, at=at)

    def _among_constants(self, element: Term, items: tuple[Item, ...], at: Mark) -> int | None:
        """Returns one step for membership in a list of constants; None when the list holds others."""
        if not isinstance(element, Scalar) or not items:
            return None
        options: list[Value] = []
        types = {element.type}
        for item in items:
            value = self.builder.value_of(item.term.step) if isinstance(item.term, Scalar) else None
            if not isinstance(item.term, Scalar) or item.guard is not None or value is None or isinstance(value, Fault):
                return None
            types.add(item.term.type)
            options.append(value)
        step = element.step
        if types == {Type.INT, Type.DOUBLE}:
            options = [float(option) for option in options]
            if element.type is Type.INT:
                assert _AS_DOUBLE is not None
                assert _AS_DOUBLE.kernel is not None
                step = self.builder.apply(_AS_DOUBLE.kernel, step, cost=_AS_DOUBLE.cost, at=at)
        return self.builder.apply(OneOf(tuple(options)), step, cost=CONSTANT_TEXT_COST + len(options) // 4, at=at)

    def _picked(self, options: Iterable[tuple[Key, Term]], container: ListTerm | MapTerm, key: Scalar, fault: Fault, at: Mark) -> Term:
        found = list(options)
        if not found:
            self.source.refuse(at, "nothing to choose from", "a list or a map with elements", "an empty one")
        wanted = self.builder.value_of(key.step)
        if wanted is not None and not isinstance(wanted, Fault):
            for option, term in found:
                if option.value == wanted and alike(self.key(option), key):
                    return self._strict_term(term, container, at)
        terms = [term for _, term in found if isinstance(term, Scalar)]
        if len(terms) < len(found) or len({term.type for term in terms}) > 1:
            shown = " and ".join(sorted({term.shown for _, term in found}))
            self.source.refuse(at, "chosen by the event", "single values of one type", shown, "choose by a constant")
        type = terms[0].type
        step = self.builder.constant(type, fault)
        for (option, _), term in zip(reversed(found), reversed(terms), strict=True):
            here = self.equal(key, self.key(option), at)
            step = self.builder.apply(choose, here, term.step, step, cost=LOGIC_COST, at=at)
        return Scalar(type, self.strict(self.strict(step, key, at), container, at))

    def _strict_term(self, term: Term, container: ListTerm | MapTerm, at: Mark) -> Term:
        if isinstance(term, Scalar):
            return Scalar(term.type, self.strict(term.step, container, at))
        if isinstance(term, ListTerm):
            return ListTerm(term.items, _once(term.needed + container.needed))
        return MapTerm(term.entries, _once(term.needed + container.needed))


def _once(steps: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(steps))


def demanded(guard: Column, value: Column) -> Column:
    """Returns true, but no value where the guard holds and `value` has none."""
    faults = None if value.faults is None else np.where(guard.values, value.faults, np.uint8(0))
    return Column(Type.BOOL, np.array(True), faults)
