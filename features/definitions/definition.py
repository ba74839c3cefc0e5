"""One feature as features.yaml has it, read by its template."""

from collections.abc import Mapping
from dataclasses import dataclass

from features.definitions.definition_reader import Given, Known
from features.definitions.row_column import RowColumn
from features.definitions.template import Recipe, Template
from features.definitions.template_registry import TEMPLATES
from foundation.document import Section

_EXPRESSION = "expression"
_ABOUT = ("description", "owner")
"""What is said of a feature to people: it does not count where definitions are compared."""


@dataclass(frozen=True)
class Definition:
    """One feature.

    Args:
        kind: of the entity at whose stage it is made; the user of a calendar or an expression.
        columns: of rows that its readings need, each after those that it follows.
        reads: ``event.`` and ``feature.`` names that it depends on.
        own_cost_ns: an event, roughly, without its columns.
        column_costs_ns: an event, by column, for those that are computed.
        work: values and operations that compiling its expressions looked at.
        written: as in the file, without description and owner.
    """

    name: str
    template: Template
    kind: str
    recipe: Recipe
    columns: tuple[RowColumn, ...]
    reads: tuple[str, ...]
    own_cost_ns: int
    column_costs_ns: Mapping[str, int]
    work: int
    description: str
    owner: str
    written: dict[str, object]
    section: Section

    @property
    def cost_ns(self) -> int:
        """An event, roughly, if no other feature shared its columns."""
        return self.own_cost_ns + sum(self.column_costs_ns.values())


def read_definition(section: Section, name: str, known: Known) -> Definition:
    """The feature that `section` defines.

    Raises:
        Refusal: an unknown template or parameter, or whatever its template does not accept.
    """
    implied = _EXPRESSION if section.has(_EXPRESSION) and not section.has("template") else ""
    template = TEMPLATES[implied or section.at("template").choice(tuple(TEMPLATES))]
    section.only("name", "template", *[parameter.name for parameter in template.parameters], *_ABOUT)
    given = Given(section, template, known)
    recipe = template.recipe(given)
    plain = section.plain()
    return Definition(
        name=name,
        template=template,
        kind=given.kind,
        recipe=recipe,
        columns=tuple(given.columns.values()),
        reads=tuple(given.reads),
        own_cost_ns=given.cost_ns,
        column_costs_ns=given.column_costs_ns,
        work=given.work,
        description=section.at("description").text() if section.has("description") else "",
        owner=section.at("owner").text() if section.has("owner") else "",
        written={str(key): value for key, value in plain.items() if key not in _ABOUT} if isinstance(plain, dict) else {},
        section=section,
    )
