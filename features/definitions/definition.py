"""Reads one feature of features.yaml through its template."""

from collections.abc import Mapping
from dataclasses import dataclass

from features.definitions.definition_reader import DefinitionReader, Known
from features.definitions.row_column import RowColumn
from features.definitions.template import Recipe, Template
from features.definitions.template_registry import TEMPLATES
from foundation.document import Section

_EXPRESSION = "expression"
USUAL_OF = "usual_of"
_ABOUT = ("description", "owner", USUAL_OF)
"""Fields that describe a feature to people: they are ignored when definitions are compared."""


@dataclass(frozen=True)
class Definition:
    """Describes one feature.

    Args:
        kind: entity type at whose stage the feature is made; the user for a calendar feature or an expression.
        columns: columns of rows that its readings need, each after those from which it is computed.
        reads: ``event.``, ``feature.`` and ``entity.`` names that it depends on.
        own_cost_ns: estimated CPU time per event, without its columns.
        column_costs_ns: estimated CPU time per event of each computed column.
        work: number of values and operations that compiling its expressions looked at.
        usual_of: ``event.`` or ``feature.`` name of a number whose usual value this feature is, as reasons name it; '' if of none.
        written: the definition as in the file, without description, owner and usual_of.
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
    usual_of: str
    written: dict[str, object]
    section: Section

    @property
    def cost_ns(self) -> int:
        """Estimates the CPU time per event if no other feature shares the columns."""
        return self.own_cost_ns + sum(self.column_costs_ns.values())


def read_definition(section: Section, name: str, known: Known) -> Definition:
    """Reads the feature that `section` defines.

    Raises:
        Refusal: the template or a parameter is unknown, or the template does not accept a value.
    """
    implied = _EXPRESSION if section.has(_EXPRESSION) and not section.has("template") else ""
    template = TEMPLATES[implied or section.at("template").choice(tuple(TEMPLATES))]
    section.only("name", "template", *[parameter.name for parameter in template.parameters], *_ABOUT)
    reader = DefinitionReader(section, template, known)
    recipe = template.recipe(reader)
    plain = section.plain()
    return Definition(
        name=name,
        template=template,
        kind=reader.kind,
        recipe=recipe,
        columns=tuple(reader.columns.values()),
        reads=tuple(reader.reads),
        own_cost_ns=reader.cost_ns,
        column_costs_ns=reader.column_costs_ns,
        work=reader.work,
        description=section.at("description").text() if section.has("description") else "",
        owner=section.at("owner").text() if section.has("owner") else "",
        usual_of=section.at(USUAL_OF).text() if section.has(USUAL_OF) else "",
        written={str(key): value for key, value in plain.items() if key not in _ABOUT} if isinstance(plain, dict) else {},
        section=section,
    )
