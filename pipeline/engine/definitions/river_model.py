"""A pipeline of River's classes, as models.yaml writes it under `kind: river`."""

import difflib
from typing import Any, Final, NoReturn

from detectors.river.allowed import ALLOWED, SCORING_ROLES, names_of
from detectors.river.array_forms import array_form
from detectors.river.parameter import Nested, Parameter, Role
from foundation.document import Section

STEPS_MAX: Final = 8
NESTED_MAX: Final = 3
"""How deep a model may hold others."""
STEP_NS: Final = 20_000.0
"""A guess of what a step of a pipeline costs an event."""
MANY: Final = (2, 10)
"""How many models a list of them may have."""
KINDS: Final = {
    "anomaly": "river.Anomaly",
    "anomaly_of_one": "river.Anomaly",
    "classifier": "river.Classifier",
    "drift": "river.Drift",
}
"""The learner in `detectors.catalogue.RIVER` of each role."""

Steps = list[tuple[str, dict[str, Any]]]


def read_river(section: Section, inputs: int) -> tuple[str, dict[str, Any], float]:
    """Reads a model's `model` and `parameters`: the name of a class with its parameters beside it, or a list of steps.

    A step is the name of a class, or a mapping of one name to its parameters.

    Returns:
        The name of a learner in the catalogue, its parameters, and what a score costs where River gives it, in ns: a guess, since River is
        not asked here. It is the learner in arrays where there is one.

    Raises:
        Refusal: with line and column, for a class or a parameter that is not offered, or out of range.
    """
    model = section.at("model")
    if model.is_list() or model.is_mapping():
        if section.has("parameters"):
            section.at("parameters").refuse("parameters beside a list of steps", "them with their steps: {name: {parameter: value}}")
        steps = _pipeline(model, SCORING_ROLES, 0)
    else:
        name = _class(model, SCORING_ROLES)
        steps = [(name, _parameters(section.at("parameters"), name, 0) if section.has("parameters") else _defaults(name, model))]
    last = ALLOWED[steps[-1][0]]
    if last.role in ("anomaly_of_one", "drift") and (inputs != 1 or len(steps) != 1):
        model.refuse("not a model of several inputs or steps", f"one input and one step for {steps[-1][0]}")
    name, parameters = array_form(steps) or (KINDS[last.role], {"steps": steps})
    return name, parameters, STEP_NS * len(steps)


def _pipeline(section: Section, roles: tuple[Role, ...], depth: int) -> Steps:
    """A list of steps, or one step; all but the last prepare what the last one sees."""
    if depth > NESTED_MAX:
        section.refuse("models nest too deep", f"at most {NESTED_MAX} within each other", depth)
    items = list(section.items()) if section.is_list() else [section]
    if not 1 <= len(items) <= STEPS_MAX:
        section.refuse("wrong number of steps", f"1 to {STEPS_MAX} steps", len(items))
    return [_step(item, roles if item is items[-1] else ("transformer",), depth) for item in items]


def _step(section: Section, roles: tuple[Role, ...], depth: int) -> tuple[str, dict[str, Any]]:
    if not section.is_mapping():
        name = _class(section, roles)
        return name, _defaults(name, section)
    pairs = list(section.entries())
    if len(pairs) != 1:
        section.refuse("not a step", "the name of a class, or a mapping of one name to its parameters", f"{len(pairs)} names")
    name = _class(pairs[0][0], roles)
    return name, _parameters(pairs[0][1], name, depth)


def _class(section: Section, roles: tuple[Role, ...]) -> str:
    name = section.text()
    if name in ALLOWED and ALLOWED[name].role in roles:
        return name
    offered = names_of(*roles)
    near = difflib.get_close_matches(name, offered, n=1)
    expected = "one of " + ", ".join(offered)
    what = "a class of River with another task" if name in ALLOWED else "no class of River that is offered"
    return section.refuse(what, expected, name, f"did you mean {near[0]}?" if near else "")


def _defaults(name: str, section: Section) -> dict[str, Any]:
    missing = ALLOWED[name].required
    if missing:
        section.refuse("parameter missing", f"{missing[0]} of {name}, as {{{name}: {{{missing[0]}: ...}}}}", name)
    return {}


def _parameters(section: Section, name: str, depth: int) -> dict[str, Any]:
    allowed = ALLOWED[name]
    if not section.is_mapping():
        section.refuse("wrong type", "a mapping of parameters")
    for key, _ in section.entries():
        if key.text() not in allowed.parameters:
            _unknown(key, name)
    for required in allowed.required:
        if not section.has(required):
            section.refuse("parameter missing", f"{required} of {name}", ", ".join(section.names()) or "no parameter")
    return {key: _value(section.at(key), allowed.parameters[key], depth) for key in section.names()}


def _unknown(key: Section, name: str) -> NoReturn:
    offered = list(ALLOWED[name].parameters)
    near = difflib.get_close_matches(key.text(), offered, n=1)
    expected = "one of " + ", ".join(offered) if offered else "none"
    key.refuse(f"unknown parameter of {name}", expected, key.text(), f"did you mean {near[0]}?" if near else "")


def _value(section: Section, parameter: Parameter, depth: int) -> Any:
    if isinstance(parameter, Nested):
        if not parameter.many:
            return _pipeline(section, (parameter.role,), depth + 1)
        models = [_pipeline(item, (parameter.role,), depth + 1) for item in section.items()]
        if not MANY[0] <= len(models) <= MANY[1]:
            section.refuse("wrong number of models", f"{MANY[0]} to {MANY[1]} models", len(models))
        return models
    value = section.plain()
    if not parameter.accepts(value):
        section.refuse("not in range", parameter.expected)
    return value
