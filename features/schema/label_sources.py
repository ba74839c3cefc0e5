"""Says which of several labels of one event stands: that of the source that ranks highest, and of equal ones the newest.

Of two labels of equal rank and time the positive one stands, whoever came first. So labels may arrive in any order: what stands in the end
is the same, and nobody has to remember labels that do not stand.
"""

from collections.abc import Iterable
from functools import cached_property

import msgspec

from foundation.document import Section
from foundation.refusal import Refusal

OTHER = "other"
"""Stands in the order for all sources that it does not name, and for labels that name none."""
DEFAULT_ORDER = ("chargeback", "dispute", "analyst", "customer", OTHER, "rule", "auto")
ABOVE_MAX, BELOW_MAX = 7, 8
"""How many sources may stand before `OTHER`, and how many behind it: a rank has four bits."""
SOURCE_CHARACTERS_MAX = 100
WEIGHT_MAX = 1_000.0
"""The greatest weight of a label; all are above 0."""


class LabelSources(msgspec.Struct, frozen=True, dict=True):
    """The order of the sources of labels, highest first.

    Args:
        order: their names. Without `OTHER` among them, labels of other sources are refused.
    """

    order: tuple[str, ...] = DEFAULT_ORDER

    @cached_property
    def _ranks(self) -> dict[str, int]:
        below = self.order.index(OTHER) if OTHER in self.order else len(self.order)
        return {source: below - place for place, source in enumerate(self.order)}

    def rank(self, source: str) -> int:
        """Returns the rank of `source`, from -`BELOW_MAX` to `ABOVE_MAX`; 0 for those that the order does not name."""
        return self._ranks.get(source, 0)

    def ranks(self, sources: Iterable[str]) -> list[int]:
        """Returns the rank of each."""
        return [self.rank(source) for source in sources]

    def check(self, source: str, weight: float) -> None:
        """Refuses a label whose source is too long or not accepted, or whose weight is out of range.

        Raises:
            Refusal: names ``source`` or ``weight``.
        """
        if len(source) > SOURCE_CHARACTERS_MAX:
            expected = f"at most {SOURCE_CHARACTERS_MAX} characters"
            raise Refusal("source too long", where="source", expected=expected, got=f"{len(source)} characters")
        if source not in self._ranks and OTHER not in self._ranks:
            remedy = f"name it, or {OTHER}, under labels: sources: in schema.yaml"
            expected = "one of " + ", ".join(self.order)
            got = source or "a label without one"
            raise Refusal("unknown source of a label", where="source", expected=expected, got=got, remedy=remedy)
        if not 0 < weight <= WEIGHT_MAX:
            raise Refusal("weight out of range", where="weight", expected=f"a number above 0, at most {WEIGHT_MAX:g}", got=weight)


ANY_SOURCE = LabelSources()
"""The order where nobody declares another."""


def read_label_sources(section: Section) -> LabelSources:
    """Reads the list of sources of a schema.

    Raises:
        Refusal: a source is named twice or is too long, or there are none or too many.
    """
    order: list[str] = []
    for item in section.items():
        source = item.text()
        if not 0 < len(source) <= SOURCE_CHARACTERS_MAX:
            item.refuse("not the name of a source", f"1 to {SOURCE_CHARACTERS_MAX} characters")
        if source in order:
            item.refuse("source named twice", "each source once", source)
        order.append(source)
        above = order.index(OTHER) if OTHER in order else len(order)
        if above > ABOVE_MAX or len(order) - above - 1 > BELOW_MAX:
            item.refuse("too many sources", f"at most {ABOVE_MAX} before {OTHER} and {BELOW_MAX} behind it", source)
    if not order:
        section.refuse("no source", "at least one source")
    return LabelSources(tuple(order))
