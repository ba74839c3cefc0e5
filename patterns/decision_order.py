"""Who may decide an event besides its score, and in which order: verdicts, allow lists and rules."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from features.schema.facts import Fact, Value, number_of
from features.schema.schema import Schema
from foundation.document import Section

ACTIONS = ("approve", "review", "block")
"""The actions by code, from the mildest on."""

SPEAKERS = ("verdict", "allow_lists", "block", "review", "approve", "score")
"""What an order may name, in the default order: verdicts on entities, allow lists, rules that ask for each action, and the score's band."""

STRONGEST = "strongest"
_EVENT = "event."
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")


@dataclass(frozen=True, slots=True)
class Order:
    """Says whose word counts.

    Args:
        speakers: the first of them that speaks decides; the score, which always speaks, is the last.
        strongest: the severest action of rules and score counts, after verdicts and allow lists; of equal ones that of the rule.
    """

    speakers: tuple[str, ...] = SPEAKERS
    strongest: bool = False

    @property
    def rule_actions(self) -> tuple[int, ...]:
        """Returns the codes of the actions that rules may ask for, the one that counts before the others first."""
        return tuple(ACTIONS.index(speaker) for speaker in self.speakers if speaker in ACTIONS)


DEFAULT_ORDER = Order()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Says which values of a fact decide.

    Args:
        path: the fact, as expressions name it.
        actions: for each value, as `features.schema.facts.number_of` gives it, the value itself and the code of the action.
    """

    path: str
    actions: Mapping[float, tuple[Value, int]]


@dataclass(frozen=True, slots=True)
class AllowList:
    """Says that events whose `field` (an id or a text, without ``event.``) is on the list `name` are approved."""

    name: str
    field: str


def read_order(section: Section) -> Order:
    """Reads a policy's `order`: a list of `SPEAKERS`, or the word ``strongest``.

    Raises:
        Refusal: a word is unknown or given twice, or the score is not the last.
    """
    if not section.is_list():
        section.choice((STRONGEST,))
        return Order(strongest=True)
    speakers: list[str] = []
    for item in section.items():
        speaker = item.choice(SPEAKERS)
        if speaker in speakers:
            item.refuse("word given twice", "each of them once")
        if "score" in speakers:
            item.refuse("word after the score", "score as the last word, because it always decides")
        speakers.append(speaker)
    if "score" not in speakers:
        section.refuse("order without the score", "score as the last word, because the others may all be silent")
    return Order(tuple(speakers))


def read_overrides(section: Section, schema: Schema | None) -> tuple[str, ...]:
    """Reads a policy's `override`: a fact, or a list of facts, whose numbers take the place of the score; the first that holds counts.

    Args:
        schema: declares the facts; None: they are not checked.

    Raises:
        Refusal: a fact is not declared, or is no number.
    """
    items = list(section.items()) if section.is_list() else [section]
    for item in items:
        numbers = None if schema is None else [fact.path for fact in schema.facts if fact.type == "number"]
        if numbers is not None and item.text() not in numbers:
            expected = "one of " + (", ".join(numbers) or "the schema's facts that are numbers: it declares none")
            item.refuse("not a fact that is a number", expected, item.text())
    return tuple(item.text() for item in items)


def read_verdicts(section: Section, schema: Schema | None) -> tuple[Verdict, ...]:
    """Reads a policy's `verdicts`: for each fact its values with their actions. The first fact that has one of its values speaks.

    Args:
        schema: declares the facts; None: they are not checked.

    Raises:
        Refusal: a fact or a value is not declared, or an action is unknown.
    """
    return tuple(_verdict(name, values, None if schema is None else schema.facts) for name, values in section.entries())


def _verdict(name: Section, values: Section, facts: Sequence[Fact] | None) -> Verdict:
    path = name.text()
    fact = next((fact for fact in facts or () if fact.path == path), None)
    if fact is None and facts is not None:
        name.refuse("unknown fact", "one of " + (", ".join(fact.path for fact in facts) or "the schema's facts: it declares none"), path)
    actions: dict[float, tuple[Value, int]] = {}
    for written, action in values.entries():
        value = written.text() if fact is None else _value_of(fact, written)
        actions[number_of(value)] = value, ACTIONS.index(action.choice(ACTIONS))
    return Verdict(path, actions)


def _value_of(fact: Fact, written: Section) -> Value:
    """Reads a value that stands as the name in a mapping, where YAML has texts alone."""
    text = written.text()
    value: Value = text
    if fact.type == "boolean":
        value = {"true": True, "false": False}.get(text, text)
    elif fact.type == "number" and _NUMBER.fullmatch(text):
        value = float(text)
    if not fact.accepts(value):
        expected = {"boolean": '"true" or "false"', "number": "a number in quotes"}.get(fact.type, "one of " + ", ".join(fact.values))
        written.refuse(f"not a value of {fact.path}", expected)
    return value


def read_allow_lists(section: Section, schema: Schema | None, lists: Sequence[str] | None) -> tuple[AllowList, ...]:
    """Reads a policy's `allow_lists`: for each list the field of the event whose value may be on it, such as ``event.device_id``.

    Args:
        schema: declares the fields; None: they are not checked.
        lists: the lists that the release declares; None: they are not checked.

    Raises:
        Refusal: the list is not declared, or the field is no id and no text.
    """
    return tuple(_allow_list(name, field, schema, lists) for name, field in section.entries())


def _allow_list(name: Section, field: Section, schema: Schema | None, lists: Sequence[str] | None) -> AllowList:
    listed, path = name.text(), field.text()
    if lists is not None and listed not in lists:
        remedy = f"declare it: lists/{listed}.txt in the folder, or PUT /v1/lists/{listed}"
        name.refuse("unknown list", "one of " + (", ".join(lists) or "the release's lists: none"), listed, remedy)
    fields = None if schema is None else (schema.user, *schema.entities, *schema.texts)
    if not path.startswith(_EVENT) or (fields is not None and path.removeprefix(_EVENT) not in fields):
        field.refuse("not an id or a text of the event", "one of " + ", ".join(_EVENT + each for each in fields or ("device_id",)), path)
    return AllowList(listed, path.removeprefix(_EVENT))
