"""The template `linked_count`: how many primary entities, or others, share an entity."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import CURRENT, ENTITY, NO_DELAY, NO_VALUES_FOR_EVER, WHERE, WINDOW
from features.definitions.template import Parameter, Recipe, Template

_ENTITY = ENTITY._replace(meaning="the entity that is shared: a further entity, or a pair [a, b]; with `of`, also the user", default=None)
_OF = Parameter("of", "the entity that is counted, named by its field", "the user")


def _recipe(reader: DefinitionReader) -> Recipe:
    schema = reader.schema
    reader.section.at("entity")
    of = reader.section.at("of").choice((schema.user, *schema.entities)) if reader.has("of") else schema.user
    if of == reader.kind:
        place = reader.section.at("of" if reader.has("of") else "entity")
        place.refuse("linked to itself", "two different entities: the one that is counted, and the one that is shared", of)
    reading = Reading(Code.DISTINCT, reader.text_column(of), reader.window(), reader.where(), reader.before())
    return Recipe((reading,))


TEMPLATE = Template(
    name="linked_count",
    meaning="The number of different primary entities, or other entities, that have events with the same shared entity within the window.",
    unit="users",
    parameters=(_OF, _ENTITY, WINDOW, WHERE, CURRENT),
    recipe=_recipe,
    unsuited=NO_DELAY | NO_VALUES_FOR_EVER,
    state_words=4,
    value_words=2,
    cost_ns=100,
    example="- {name: users_of_device, template: linked_count, entity: device_id, window: 30d}",
)
