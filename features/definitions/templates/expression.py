"""The template `expression`: arithmetic and logic over the event and other features."""

from features.definitions.definition_reader import DefinitionReader
from features.definitions.template import FLAG, NUMBER, Parameter, Recipe, Template
from features.expressions.functions.types import Type

_EXPRESSION = Parameter("expression", "in the Common Expression Language, over event.* and feature.*; gives a number or a bool")
_REMEDIES = {
    Type.STRING: "compare it: event.x == 'a'",
    Type.TIMESTAMP: "write int(…) for its seconds",
    Type.DURATION: "write (…).getSeconds()",
}


def _recipe(reader: DefinitionReader) -> Recipe:
    section = reader.section.at("expression")
    expression = reader.over_everything(section)
    if expression.type in _REMEDIES:
        section.refuse("not a feature", "an expression that gives a number or a bool", expression.type.value, _REMEDIES[expression.type])
    return Recipe((), type=FLAG if expression.type is Type.BOOL else NUMBER, expression=expression)


TEMPLATE = Template(
    name="expression",
    meaning=(
        "What an expression gives over the event's fields and other features; `template: expression` may be left out. True is 1, false 0;"
        " missing where it needs something missing."
    ),
    unit="that of the expression",
    parameters=(_EXPRESSION,),
    recipe=_recipe,
    cost_ns=100,
    example=(
        "- {name: usual_amount_30d, template: mean, value: event.amount, window: 30d, include_current: false}\n"
        '- {name: amount_ratio, expression: "event.amount / feature.usual_amount_30d"}'
    ),
)
