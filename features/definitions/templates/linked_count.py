"""How many others share an entity."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import Given
from features.definitions.parameters import CURRENT, ENTITY, NO_DELAY, NO_VALUES_FOR_EVER, WHERE, WINDOW
from features.definitions.template import Parameter, Recipe, Template

_ENTITY = ENTITY._replace(meaning="what they share: a further entity, or a pair [a, b]; with `of`, the user too", default=None)
_OF = Parameter("of", "who is counted: the field of another entity", "the user")


def _recipe(given: Given) -> Recipe:
    schema = given.schema
    given.section.at("entity")
    of = given.section.at("of").choice((schema.user, *schema.entities)) if given.has("of") else schema.user
    if of == given.kind:
        place = given.section.at("of" if given.has("of") else "entity")
        place.refuse("linked to itself", "two different entities: who is counted, and what they share", of)
    reading = Reading(Code.DISTINCT, given.text_column(of), given.window(), given.where(), given.before())
    return Recipe((reading,))


TEMPLATE = Template(
    name="linked_count",
    meaning="The number of different users, or other entities, with events of the same entity within the window.",
    unit="users",
    parameters=(_OF, _ENTITY, WINDOW, WHERE, CURRENT),
    recipe=_recipe,
    unsuited=NO_DELAY | NO_VALUES_FOR_EVER,
    state_words=4,
    value_words=2,
    cost_ns=100,
    example="- {name: users_of_device, template: linked_count, entity: device_id, window: 30d}",
)
