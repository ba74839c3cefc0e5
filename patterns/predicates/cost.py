"""What conditions cost, for their authors: whether an index finds them, or each event has to be looked at for them."""

from collections.abc import Iterable
from typing import NamedTuple

from features.expressions.functions.types import Type
from patterns.language.pattern import Condition
from patterns.predicates.atoms import Attribute
from patterns.predicates.form import Form, Forms

_NUMBER_NS, _TEXT_NS = 8.0, 40.0
"""To find the cell of a number, and to look a text up."""
_DEMAND_NS = 0.02
"""Of the index, for each demand of a condition."""
_VERIFIED_NS = 30.0
"""To run the code of a candidate, for each atomic predicate."""
_STEP_NS = 12.0
"""Of each step of an expression beside its arithmetic, in batches of 256."""


class ConditionCost(NamedTuple):
    """Says what a condition costs an event, in nanoseconds of CPU.

    Args:
        shared_ns: to read what the index needs; conditions that read the same names share it.
        own_ns: of this condition alone: about, where `is_indexed`, for an event that passes the index.
        scanned: the predicates, or parts of them, that have to be computed, canonically written.
        is_indexed: whether an index leaves out events before anything is computed; if not, and something is, every event pays for it.
    """

    shared_ns: float
    own_ns: float
    scanned: tuple[str, ...]
    is_indexed: bool

    @property
    def text(self) -> str:
        """Returns what the author of the condition is told, in a sentence."""
        if not self.scanned:
            return (
                f"The index finds this condition: it costs an event about {self.shared_ns:.0f} ns, shared with others that read the same."
            )
        listed = ", ".join(self.scanned)
        if self.is_indexed:
            return f"Events that pass the index cost about {self.own_ns:.0f} ns, since {listed} must be computed for them."
        remedy = "Compare a name with constants beside it (&&), and only events that pass will pay."
        return f"Every event costs about {self.own_ns:.0f} ns, since no index can leave any out: {listed} must be computed. {remedy}"


def cost_of(condition: Condition, forms: Forms | None = None) -> ConditionCost:
    """Returns what a condition costs.

    Args:
        forms: where the condition is compiled already.
    """
    form = (Forms() if forms is None else forms).of(condition)
    asked = _asked(form)
    computed = [attribute for attribute in asked if attribute.cost_ns]
    own = sum(_computing_ns(attribute) for attribute in computed) + (0.0 if form.exact else _VERIFIED_NS * len(form.atoms))
    is_indexed = form.never or any(not attribute.cost_ns for attribute in form.demanded)
    shared = sum(_reading_ns(attribute) for attribute in asked if not attribute.cost_ns)
    return ConditionCost(shared, own + _DEMAND_NS * len(form.demanded), tuple(attribute.text for attribute in computed), is_indexed)


def cost_of_all(forms: Iterable[Form], passing: float) -> float:
    """Returns about what conditions cost an event together, in nanoseconds.

    Args:
        passing: the share of events, in [0, 1], that are taken to pass the index of a condition.
    """
    read: set[Attribute] = set()
    always: set[Attribute] = set()
    total = 0.0
    for form in forms:
        asked = _asked(form)
        read.update(asked)
        total += _DEMAND_NS * len(form.demanded)
        is_indexed = any(not attribute.cost_ns for attribute in form.demanded)
        total += 0.0 if form.exact else _VERIFIED_NS * len(form.atoms) * (passing if is_indexed else 1.0)
        always.update(attribute for attribute in asked if not is_indexed)
    shares = {attribute: 1.0 if attribute in always else passing for attribute in read}
    return total + sum(_computing_ns(each) * share if each.cost_ns else _reading_ns(each) for each, share in shares.items())


def _asked(form: Form) -> list[Attribute]:
    return list(dict.fromkeys(atom.attribute for atom in form.atoms if atom.attribute is not None))


def _reading_ns(attribute: Attribute) -> float:
    return _TEXT_NS if attribute.type is Type.STRING else _NUMBER_NS


def _computing_ns(attribute: Attribute) -> float:
    steps = 0 if attribute.program is None else len(attribute.program.steps)
    return attribute.cost_ns + _STEP_NS * steps + sum(_TEXT_NS if type is Type.STRING else _NUMBER_NS for type in attribute.reads.values())
