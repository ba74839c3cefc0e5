"""Reads ``entity:`` of features.yaml as an entity type: the user, one further entity, or a pair of these."""

from features.schema.schema import Schema
from foundation.document import Section

JOINT = "+"
"""The separator between the names of a pair; no field's name contains it."""

KEY_JOINT = "\x1f"
"""The separator between the ids of a pair."""


def read_kind(section: Section, schema: Schema) -> str:
    """Reads the entity type. Both orders of a pair are one type, named with the user first and then in the schema's order.

    Raises:
        Refusal: an entity is unknown, or the list is not a pair of two.
    """
    known = (schema.user, *schema.entities)
    if not section.is_list():
        return section.choice(known)
    names = [item.choice(known) for item in section.items()]
    if len(names) != 2 or names[0] == names[1]:
        section.refuse("not a pair", "two different entities: [a, b]")
    return JOINT.join(sorted(names, key=known.index))


def parts_of(kind: str) -> tuple[str, ...]:
    """Returns the entities of an entity type: one, or the two of a pair."""
    return tuple(kind.split(JOINT))
