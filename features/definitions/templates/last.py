"""The newest value."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import Given
from features.definitions.parameters import AGGREGATE, NO_DELAY
from features.definitions.template import Recipe, Template


def _recipe(given: Given) -> Recipe:
    return Recipe((Reading(Code.LAST, given.number(), given.window(), given.where(), given.before()),))


TEMPLATE = Template(
    name="last",
    meaning=(
        "The value of the newest event of the window that has it; missing where none has. With the event itself in the window"
        " that is its own value, if it has one."
    ),
    unit="that of the value",
    parameters=AGGREGATE,
    recipe=_recipe,
    unsuited=NO_DELAY,
    state_words=3,
    cost_ns=30,
    example="- {name: last_dear_amount, template: last, value: event.amount, window: unbounded, where: event.amount > 100.0}",
)
