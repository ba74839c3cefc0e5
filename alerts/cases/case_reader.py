"""Reads cases.yaml."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar, get_args

from alerts.cases.case_policy import (
    CLAIM_MS,
    CLAIM_WITHIN_MS,
    DECIDE_WITHIN_MS,
    CasePolicy,
    InboxDefinition,
    InputType,
    Typology,
    VerdictInput,
)
from alerts.policy.alert_definition import AlertDefinition
from alerts.policy.named_choices import choices_of
from alerts.verdicts.effects_reader import read_effects
from alerts.verdicts.verdict_effects import LABELS_ALONE
from features.schema.schema import Schema
from foundation.document import Section, read_document
from patterns.severities import SEVERITIES
from stores.casework.verdicts import VERDICTS, VerdictWord

TYPOLOGIES_MAX, INBOXES_MAX, REASONS_MAX, INPUTS_MAX, OPTIONS_MAX = 100, 100, 200, 20, 100
TITLE_CHARACTERS_MAX = 200
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_TYPOLOGY = ("name", "title", "when", "entity", "inbox", "claim_within", "decide_within", "inputs")
_WHEN = ("alerts", "patterns", "severity_at_least")
_TYPES: tuple[InputType, ...] = get_args(InputType)
Named = TypeVar("Named", InboxDefinition, Typology, VerdictInput)


def read_cases(
    text: str,
    source: str = "cases.yaml",
    entities: Sequence[str] | None = None,
    patterns: Sequence[str] | None = None,
    alerts: Sequence[AlertDefinition] | None = None,
    schema: Schema | None = None,
    lists: Sequence[str] | None = None,
) -> CasePolicy:
    """Reads the YAML text of cases.yaml.

    Args:
        entities: kinds of entities that cases may be about; None allows any.
        patterns: rules that may be named; None allows any.
        alerts: the kinds of alerts that may be named; None allows any.
        schema: declares what verdicts may say of entities; None allows anything.
        lists: those that verdicts may put entities on; None allows any.

    Raises:
        Refusal: a field is unknown, missing or contradicts another; names line and column.
    """
    document = read_document(text, source)
    document.only("inboxes", "typologies", "reasons", "claim_for", "verdicts")
    inboxes = _each(document.at("inboxes"), INBOXES_MAX, _inbox)
    names = [inbox.name for inbox in inboxes]
    typologies = _each(document.at("typologies"), TYPOLOGIES_MAX, lambda item: _typology(item, names, entities, patterns, alerts))
    reasons = {verdict: _reasons(document.at("reasons"), verdict) for verdict in VERDICTS} if document.has("reasons") else {}
    if document.has("reasons"):
        document.at("reasons").only(*VERDICTS)
    claim_ms = document.at("claim_for").duration_ms(60_000) if document.has("claim_for") else CLAIM_MS
    effects = read_effects(document.at("verdicts"), schema, lists) if document.has("verdicts") else LABELS_ALONE
    return CasePolicy(inboxes, typologies, reasons, claim_ms, effects)


def _each(section: Section, most: int, read: Callable[[Section], Named]) -> tuple[Named, ...]:
    """Reads a list of things with names that differ."""
    items = list(section.items())
    if len(items) > most:
        items[most].refuse("too many entries", f"at most {most}", len(items))
    found: dict[str, Named] = {}
    for item in items:
        one = read(item)
        if one.name in found:
            item.at("name").refuse("repeated name", "a name that no other entry has")
        found[one.name] = one
    return tuple(found.values())


def _inbox(section: Section) -> InboxDefinition:
    section.only("name", "title", "capacity")
    name = _name(section.at("name"))
    capacity = section.at("capacity").integer(1, 1_000_000) if section.has("capacity") else None
    return InboxDefinition(name, _title(section, name), capacity)


def _typology(
    section: Section,
    inboxes: Sequence[str],
    entities: Sequence[str] | None,
    patterns: Sequence[str] | None,
    alerts: Sequence[AlertDefinition] | None,
) -> Typology:
    section.only(*_TYPOLOGY)
    name = _name(section.at("name"))
    entity = section.at("entity").text() if entities is None else section.at("entity").choice(entities)
    kinds, rules, severity = _when(section.at("when"), entity, patterns, alerts) if section.has("when") else ((), (), "")
    return Typology(
        name=name,
        title=_title(section, name),
        opens=section.has("when"),
        alerts=kinds,
        patterns=rules,
        severity_least=severity,
        entity=entity,
        inbox=section.at("inbox").choice(inboxes),
        claim_within_ms=section.at("claim_within").duration_ms(1_000) if section.has("claim_within") else CLAIM_WITHIN_MS,
        decide_within_ms=section.at("decide_within").duration_ms(1_000) if section.has("decide_within") else DECIDE_WITHIN_MS,
        inputs=_each(section.at("inputs"), INPUTS_MAX, _input) if section.has("inputs") else (),
    )


def _when(
    section: Section, entity: str, patterns: Sequence[str] | None, alerts: Sequence[AlertDefinition] | None
) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    section.only(*_WHEN)
    known = None if alerts is None else {definition.name: definition for definition in alerts}
    kinds = choices_of(section, "alerts", None if known is None else list(known))
    for item in section.at("alerts").items() if kinds and known is not None else ():
        groups = known[item.text()].group_by if known is not None else ()
        if entity not in groups:
            expected = f"a kind of alerts that is grouped by {entity}, which the case is about"
            item.refuse("alert of another entity", expected, f"{item.text()}, grouped by {', '.join(groups)}")
    severity = section.at("severity_at_least").choice(SEVERITIES) if section.has("severity_at_least") else ""
    return kinds, choices_of(section, "patterns", patterns), severity


def _input(section: Section) -> VerdictInput:
    section.only("name", "type", "options", "for")
    name = _name(section.at("name"))
    type = _word(section.at("type"), _TYPES) if section.has("type") else "choice" if section.has("options") else "text"
    if (type == "choice") != section.has("options"):
        section.refuse("options and type do not fit", "options with the type choice, and with no other", type)
    verdicts = tuple(_word(item, VERDICTS) for item in section.at("for").items()) if section.has("for") else VERDICTS
    return VerdictInput(name, type, _texts(section.at("options"), OPTIONS_MAX) if type == "choice" else (), verdicts)


def _reasons(section: Section, verdict: VerdictWord) -> tuple[str, ...]:
    return tuple(_name(item) for item in _bounded(section.at(verdict), REASONS_MAX)) if section.has(verdict) else ()


def _texts(section: Section, most: int) -> tuple[str, ...]:
    found = tuple(item.text() for item in _bounded(section, most))
    if not found or len(set(found)) < len(found) or not all(0 < len(text) <= TITLE_CHARACTERS_MAX for text in found):
        section.refuse("bad options", f"1 to {most} different texts with 1 to {TITLE_CHARACTERS_MAX} characters each")
    return found


def _bounded(section: Section, most: int) -> list[Section]:
    items = list(section.items())
    if len(items) > most:
        items[most].refuse("too many entries", f"at most {most}", len(items))
    return items


Word = TypeVar("Word", bound=str)


def _word(section: Section, options: Sequence[Word]) -> Word:
    written = section.choice(options)
    return next(option for option in options if option == written)


def _name(section: Section) -> str:
    name = section.text()
    if not _NAME.fullmatch(name):
        section.refuse("bad name", "1 to 64 lower-case letters, digits and underscores that begin with a letter")
    return name


def _title(section: Section, name: str) -> str:
    if not section.has("title"):
        return name.replace("_", " ")
    title = section.at("title").text()
    if not 0 < len(title) <= TITLE_CHARACTERS_MAX:
        section.at("title").refuse("bad title", f"1 to {TITLE_CHARACTERS_MAX} characters")
    return title
