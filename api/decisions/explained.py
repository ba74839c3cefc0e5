"""Why a rule matched an event that was decided, or did not: by the text that decided, and by what the decisions still tell."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from api.decisions.key_history import KeyHistory
from api.definitions.in_force import InForce
from api.http.problem import Problem
from api.patterns.rules_in_force import part_of_rule
from patterns.language.rule_folder import extended_by
from patterns.rules.explanation import Why
from patterns.rules.manifest import MANIFEST, WATCHED, read_manifest
from patterns.rules.seen_event import names_asked
from patterns.rules.why import why
from pipeline.engine.definitions.release import PARTS
from pipeline.trial.rules_read import read_rule, scope_of
from stores.decisions import Decisions, StoredDecision
from stores.registry import Registry

_decode = msgspec.json.decode


class _Text(NamedTuple):
    """The text of a rule that is explained, among those of its release.

    Args:
        texts: at least the rule and all that it is compiled over.
        release: that has it.
        status: what it might do there.
        note: a sentence where this is not the release that decided; else ''.
    """

    texts: Mapping[str, str]
    release: int
    status: str
    note: str


def explained(stored: StoredDecision, id: str, registry: Registry, decisions: Decisions, in_force: InForce, kept_since_ms: int = 0) -> Why:
    """Says why the rule `id` matched the event of a stored decision, or did not. Blocks.

    Args:
        kept_since_ms: decisions on events before this time may be kept no more.

    Raises:
        Problem: 404, neither the release that decided nor the one in force has such a rule.
        Refusal: the text does not compile with this version of the program.
        StoreUnavailableError: a store does not answer.
    """
    decision = _decode(stored.value)
    text = _text_that_decided(registry, decision["release"], id) or _text_in_force(in_force, decision["release"], id)
    pattern, scope = read_rule(text.texts, id), scope_of(text.texts)
    names = names_asked(pattern, scope.names_at(scope.schema.user).types)
    match: Mapping[str, Any] = next((each for each in decision.get("matches", ()) if each["pattern"] == id), {})
    key = KeyHistory(decisions, pattern, names, scope.schema, kept_since_ms)
    history = key.up_to(stored, [(int(at), int(id_key)) for at, id_key in match.get("events", ())])
    found = why(pattern, history, scope.schema)
    found.release, found.status = text.release, text.status
    if text.note:
        found.said.append(text.note)
    elif text.status not in WATCHED:
        found.said.append(f"The rule was {text.status} in release {text.release} and was not evaluated: this is what its text says.")
    else:
        _compare(found, decision)
    return found


def _text_that_decided(registry: Registry, release: int, id: str) -> _Text | None:
    stored = registry.get(release)
    part = part_of_rule(id)
    if stored is None or part not in stored.parts:
        return None
    wanted = [part, *PARTS, *(each for each in stored.parts if each.startswith("list:")), MANIFEST]
    texts = {each: text for each in wanted if each in stored.parts and (text := registry.text(stored.parts[each])) is not None}
    if part not in texts:
        return None
    extended = extended_by(id, texts[part])
    if extended and (parent := part_of_rule(extended)) in stored.parts:
        texts[parent] = registry.text(stored.parts[parent]) or ""
    standing = read_manifest(texts.get(MANIFEST, "{}")).get(id)
    return _Text(texts, release, standing.status if standing is not None else "", "")


def _text_in_force(in_force: InForce, decided_by: int, id: str) -> _Text:
    release, _ = in_force.require()
    standing = read_manifest(in_force.texts.get(MANIFEST, "{}")).get(id)
    if standing is None:
        raise Problem(404, f"neither release {decided_by}, which decided, nor the one in force has a rule {id[:80]}")
    note = f"Release {decided_by}, which decided, had no such rule: this is what the text in force says of the event."
    return _Text(in_force.texts, release.id, standing.status, note)


def _compare(found: Why, decision: Mapping[str, Any]) -> None:
    """Lets what the decision says of the rule count, and says where what is still known gives another answer."""
    matches, hidden = decision.get("matches", ()), decision.get("hidden", ())
    if any(match["pattern"] == found.pattern for match in matches):
        if not found.matched:
            found.said.append("The decision names the match, so that the rule matched; what is kept does not show how.")
        found.matched = True
    elif any(match["pattern"] == found.pattern for match in hidden):
        if found.matched is not False:
            found.said.append("The decision says that an exception hid the match.")
        found.matched = False
    elif len(matches) == decision.get("match_count", len(matches)):
        if found.matched is None:
            found.said.append("The decision names all matches, and none of this rule: it did not match.")
        elif found.matched:
            found.said.append("The decision names all matches, and none of this rule, though what is kept satisfies its text.")
        found.matched = False
