"""Reads alerts.yaml."""

import re
from collections.abc import Sequence

from alerts.policy.alert_definition import ACTION, PATTERN, AlertDefinition, Inhibition, Limit
from alerts.policy.decided_event import KINDS, Kind
from alerts.policy.named_choices import choices_of
from foundation.document import Section, read_document
from patterns.policy import ACTIONS
from patterns.severities import SEVERITIES

DEFINITIONS_MAX = 100
WINDOW_MS, RESOLVE_AFTER_MS, HALF_LIFE_MS = 600_000, 3_600_000, 3_600_000
LIMIT = Limit(1_000, 3_600_000)
RISK_BELOW = 1.0
"""Without a bound of its own an alert ends by time alone: the risk of any score falls below 1 at once."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_WHEN = ("kinds", "actions", "patterns", "severity_at_least", "score_at_least")
_FIELDS = ("name", "title", "when", "group_by", "severity", "window", "resolve_after", "risk", "inhibited_by", "limit")


def read_alerts(
    text: str, source: str = "alerts.yaml", entities: Sequence[str] | None = None, patterns: Sequence[str] | None = None
) -> tuple[AlertDefinition, ...]:
    """Reads the YAML text of alerts.yaml, a list of kinds of alerts.

    Args:
        entities: kinds of entities that alerts may be grouped by, the user first; None allows any.
        patterns: rules that may be named; None allows any.

    Raises:
        Refusal: a field is unknown, missing or contradicts another; names line and column.
    """
    sections = list(read_document(text, source).items())
    if len(sections) > DEFINITIONS_MAX:
        sections[DEFINITIONS_MAX].refuse("too many kinds of alerts", f"at most {DEFINITIONS_MAX}", len(sections))
    found: dict[str, AlertDefinition] = {}
    for section in sections:
        definition = _definition(section, entities, patterns)
        if definition.name in found:
            section.at("name").refuse("repeated name", "a name that no other kind of alerts has")
        found[definition.name] = definition
    for section in sections:
        _check_inhibitions(section, found)
    return tuple(found.values())


def _definition(section: Section, entities: Sequence[str] | None, patterns: Sequence[str] | None) -> AlertDefinition:
    section.only(*_FIELDS)
    name = section.at("name")
    if not _NAME.fullmatch(name.text()):
        name.refuse("bad name", "1 to 64 lower-case letters, digits and underscores that begin with a letter")
    when = section.at("when")
    when.only(*_WHEN)
    risk_below, half_life_ms = _risk(section.at("risk")) if section.has("risk") else (RISK_BELOW, HALF_LIFE_MS)
    return AlertDefinition(
        name=name.text(),
        title=section.at("title").text() if section.has("title") else name.text().replace("_", " "),
        actions=choices_of(when, "actions", ACTIONS),
        patterns=choices_of(when, "patterns", patterns),
        severity_least=when.at("severity_at_least").choice(SEVERITIES) if when.has("severity_at_least") else "",
        score_least=when.at("score_at_least").number(0.0, 1.0) if when.has("score_at_least") else None,
        group_by=_group_by(section, entities),
        severity=section.at("severity").choice(SEVERITIES) if section.has("severity") else "",
        window_ms=section.at("window").duration_ms(1_000) if section.has("window") else WINDOW_MS,
        resolve_after_ms=section.at("resolve_after").duration_ms(1_000) if section.has("resolve_after") else RESOLVE_AFTER_MS,
        risk_below=risk_below,
        risk_half_life_ms=half_life_ms,
        inhibited_by=tuple(_inhibition(item) for item in section.at("inhibited_by").items()) if section.has("inhibited_by") else (),
        limit=_limit(section.at("limit")) if section.has("limit") else LIMIT,
        kinds=_kinds(when),
    )


def _kinds(when: Section) -> tuple[Kind, ...]:
    wanted = choices_of(when, "kinds", KINDS) or ("decision",)
    return tuple(kind for kind in KINDS if kind in wanted)


def _group_by(section: Section, entities: Sequence[str] | None) -> tuple[str, ...]:
    if not section.has("group_by"):
        if entities is None:
            section.refuse("missing field", "a field group_by")
        return (entities[0],)
    found = choices_of(section, "group_by", None if entities is None else (*entities, PATTERN, ACTION))
    if len(set(found)) < len(found):
        section.at("group_by").refuse("repeated name", "each name once")
    return found


def _risk(section: Section) -> tuple[float, int]:
    section.only("below", "half_life")
    half_life_ms = section.at("half_life").duration_ms(1_000) if section.has("half_life") else HALF_LIFE_MS
    return section.at("below").number(0.0, 1.0), half_life_ms


def _inhibition(section: Section) -> Inhibition:
    section.only("name", "equal")
    return Inhibition(section.at("name").text(), choices_of(section, "equal", None))


def _limit(section: Section) -> Limit:
    section.only("alerts", "per")
    return Limit(section.at("alerts").integer(1, 1_000_000), section.at("per").duration_ms(1_000))


def _check_inhibitions(section: Section, found: dict[str, AlertDefinition]) -> None:
    """An alert is muted by another kind, whose groups have all values that have to be equal."""
    if not section.has("inhibited_by"):
        return
    own = section.at("name").text()
    for item in section.at("inhibited_by").items():
        name = item.at("name").choice([name for name in found if name != own])
        for equal in item.at("equal").items() if item.has("equal") else ():
            equal.choice(found[name].group_by)
