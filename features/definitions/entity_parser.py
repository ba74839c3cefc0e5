"""From ``entity:`` in features.yaml to a kind of profile: the user, one further entity, or a pair of these."""

from features.schema.schema import Schema
from foundation.document import Section

JOINT = "+"
"""Between the names of a pair; no field's name has it."""

KEY_JOINT = "\x1f"
"""Between the ids of a pair."""


def read_kind(section: Section, schema: Schema) -> str:
    """The kind that `section` names. Both orders of a pair are one kind, with the user first and then in the schema's order.

    Raises:
        Refusal: an unknown entity, or a list that is no pair of two.
    """
    known = (schema.user, *schema.entities)
    if not section.is_list():
        return section.choice(known)
    names = [item.choice(known) for item in section.items()]
    if len(names) != 2 or names[0] == names[1]:
        section.refuse("not a pair", "two different entities: [a, b]")
    return JOINT.join(sorted(names, key=known.index))


def parts_of(kind: str) -> tuple[str, ...]:
    """The entities of a kind: one, or the two of a pair."""
    return tuple(kind.split(JOINT))
