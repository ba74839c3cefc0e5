"""Lists of names in alerts.yaml and cases.yaml: those of actions, rules, kinds and entities."""

from collections.abc import Sequence

from foundation.document import Section


def choices_of(section: Section, name: str, options: Sequence[str] | None) -> tuple[str, ...]:
    """Reads the list under `name`; nothing where there is none.

    Args:
        options: what each entry has to be one of; None allows any text.

    Raises:
        Refusal: the list is empty, or an entry is no such text; names line and column.
    """
    if not section.has(name):
        return ()
    items = list(section.at(name).items())
    if not items:
        section.at(name).refuse("empty list", f"at least one of the {name}, or no field {name}")
    return tuple(item.text() if options is None else item.choice(options) for item in items)
