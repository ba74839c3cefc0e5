"""The template `entropy`: how mixed the values are."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import ANY_VALUE, CURRENT, ENTITY, NO_DELAY, NO_VALUES_FOR_EVER, WHERE, WINDOW
from features.definitions.template import Recipe, Template


def _recipe(reader: DefinitionReader) -> Recipe:
    return Recipe((Reading(Code.ENTROPY, reader.anything(), reader.window(), reader.where(), reader.before()),))


TEMPLATE = Template(
    name="entropy",
    meaning=(
        "Shannon's entropy of the shares that the different values have in the window: 0 where all events have one and the same value,"
        " log2(k) where k values are equally common. Missing where no event has a value."
    ),
    unit="bits",
    parameters=(ANY_VALUE, ENTITY, WINDOW, WHERE, CURRENT),
    recipe=_recipe,
    unsuited=NO_DELAY | NO_VALUES_FOR_EVER,
    state_words=5,
    value_words=2,
    cost_ns=130,
    example="- {name: category_mix_7d, template: entropy, value: event.merchant_category, window: 7d}",
)
