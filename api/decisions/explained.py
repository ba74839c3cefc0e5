"""Why a rule matched an event that was decided, or did not: by the text that decided, and by what the decisions still tell."""

from collections.abc import Mapping
from typing import Any

import msgspec

from api.decisions.key_history import KeyHistory
from api.decisions.rules_as_decided import RulesAsDecided
from patterns.lifecycle.manifest import WATCHED
from patterns.rules.explaining.explanation import Why
from patterns.rules.explaining.seen_event import names_asked
from patterns.rules.explaining.why import why
from stores.decisions import Decisions, StoredDecision

_decode = msgspec.json.decode


def explained(stored: StoredDecision, id: str, rules: RulesAsDecided, decisions: Decisions, kept_since_ms: int = 0) -> Why:
    """Says why the rule `id` matched the event of a stored decision, or did not. Blocks.

    Args:
        kept_since_ms: decisions on events before this time may be kept no more.

    Raises:
        Problem: 404, neither the release that decided nor the one in force has such a rule.
        Refusal: the text does not compile with this version of the program.
        StoreUnavailableError: a store does not answer.
    """
    decision = _decode(stored.value)
    rule = rules.get(decision["release"], id)
    schema = rule.scope.schema
    names = names_asked(rule.pattern, rule.scope.names_at(schema.user).types)
    match: Mapping[str, Any] = next((each for each in decision.get("matches", ()) if each["pattern"] == id), {})
    key = KeyHistory(decisions, rule.pattern, names, schema, kept_since_ms)
    history = key.up_to(stored, [(int(at), int(id_key)) for at, id_key in match.get("events", ())])
    found = why(rule.pattern, history, schema)
    found.release, found.status = rule.release, rule.status
    if rule.note:
        found.said.append(rule.note)
    elif rule.status not in WATCHED:
        found.said.append(f"The rule was {rule.status} in release {rule.release} and was not evaluated: this is what its text says.")
    else:
        _compare(found, decision)
    return found


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
