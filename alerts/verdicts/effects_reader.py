"""Reads the field `verdicts` of cases.yaml."""

from collections.abc import Mapping, Sequence

from alerts.verdicts.verdict_effects import (
    LABELS_ALONE,
    FactEffect,
    LabelEffect,
    ListEffect,
    SilenceEffect,
    VerdictEffects,
    VerdictPolicy,
)
from features.schema.facts import Fact, Value
from features.schema.label_sources import WEIGHT_MAX
from features.schema.schema import Schema
from foundation.document import Section
from foundation.refusal import Refusal
from patterns.hold_policy import HOLD_ENDS
from stores.casework.verdict_steps import STEP_WORDS, StepWord
from stores.casework.verdicts import VERDICTS

EFFECTS_MAX = 20
_NUMBER_MAX = 1e15
_WORDS: Mapping[str, StepWord] = {word: word for word in STEP_WORDS}
_FIELDS = ("label", "lists", "facts", "silence", "hold", "four_eyes")


def read_effects(section: Section, schema: Schema | None, lists: Sequence[str] | None) -> VerdictPolicy:
    """Reads what each verdict does. One that is not named does what `LABELS_ALONE` says.

    Args:
        schema: declares entities, facts and sources of labels; None: they are not checked.
        lists: those that the release declares; None: they are not checked.

    Raises:
        Refusal: a field is unknown or contradicts another; names line and column.
    """
    section.only(*VERDICTS)
    own = {word: _effects(section.at(word), word != "unsure", schema, lists) for word in VERDICTS if section.has(word)}
    return {**LABELS_ALONE, **own}


def _effects(section: Section, labels: bool, schema: Schema | None, lists: Sequence[str] | None) -> VerdictEffects:
    section.only(*_FIELDS)
    if section.has("label") and not labels:
        section.at("label").refuse("label of an unsure verdict", "no label, since nobody knows what it would say")
    kinds = None if schema is None else (schema.user, *schema.entities)
    return VerdictEffects(
        label=_label(section, schema) if labels else None,
        lists=tuple(_list(item, kinds, lists) for item in _items(section, "lists")),
        facts=tuple(_fact(item, schema) for item in _items(section, "facts")),
        silences=tuple(_silence(item, kinds) for item in _items(section, "silence")),
        hold=section.at("hold").choice(HOLD_ENDS) if section.has("hold") else "",
        four_eyes=tuple(_WORDS[item.choice(STEP_WORDS)] for item in _items(section, "four_eyes")),
    )


def _items(section: Section, name: str) -> list[Section]:
    items = list(section.at(name).items()) if section.has(name) else []
    if len(items) > EFFECTS_MAX:
        items[EFFECTS_MAX].refuse("too many entries", f"at most {EFFECTS_MAX}", len(items))
    return items


def _label(section: Section, schema: Schema | None) -> LabelEffect:
    if not section.has("label"):
        return LabelEffect()
    label = section.at("label")
    label.only("source", "weight")
    found = LabelEffect(
        label.at("source").text() if label.has("source") else LabelEffect().source,
        label.at("weight").number(0.0, WEIGHT_MAX) if label.has("weight") else LabelEffect().weight,
    )
    try:
        if schema is not None:
            schema.label_sources.check(found.source, found.weight)
    except Refusal as refusal:
        label.refuse(refusal.what, refusal.expected, refusal.got, refusal.remedy)
    return found


def _list(section: Section, kinds: Sequence[str] | None, lists: Sequence[str] | None) -> ListEffect:
    section.only("add", "to", "for")
    to = section.at("to").text()
    if lists is not None and to not in lists:
        remedy = f"declare it: lists/{to}.txt in the folder, or PUT /v1/lists/{to}"
        section.at("to").refuse("unknown list", "one of " + (", ".join(lists) or "the release's lists: none"), to, remedy)
    return ListEffect(_kind(section.at("add"), kinds), to, _for_ms(section))


def _fact(section: Section, schema: Schema | None) -> FactEffect:
    section.only("of", "name", "value", "for")
    of, name = section.at("of").text(), section.at("name").text()
    known = None if schema is None else next((fact for fact in schema.facts if (fact.kind, fact.name) == (of, name)), None)
    if schema is not None and known is None:
        expected = "one of " + (", ".join(fact.path for fact in schema.facts) or "the schema's facts: it declares none")
        section.at("name").refuse("unknown fact", expected, f"entity.{of}.{name}")
    return FactEffect(of, name, _value(section.at("value"), known), _for_ms(section))


def _value(section: Section, fact: Fact | None) -> Value:
    if fact is not None and fact.type == "boolean":
        return section.flag()
    if fact is not None and fact.type == "number":
        return section.number(-_NUMBER_MAX, _NUMBER_MAX)
    return section.text() if fact is None else section.choice(fact.values)


def _silence(section: Section, kinds: Sequence[str] | None) -> SilenceEffect:
    section.only("by", "for")
    return SilenceEffect(_kind(section.at("by"), kinds), section.at("for").duration_ms(1_000))


def _kind(section: Section, kinds: Sequence[str] | None) -> str:
    return section.text() if kinds is None else section.choice(kinds)


def _for_ms(section: Section) -> int | None:
    return section.at("for").duration_ms(1_000) if section.has("for") else None
