"""What of a rule's conditions tells something to whoever reads why it matched."""

from collections.abc import Mapping, Sequence, Set
from typing import Any


def telling(predicates: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The predicates without those that only say that a value is there which another one shows: ``has(event.kind)``."""
    shown = {name for each in predicates if not _asks_presence(each) for name in each["values"]}
    return [each for each in predicates if not (_asks_presence(each) and each["truth"] == "true" and shown.issuperset(each["values"]))]


def matched_values(rule: Mapping[str, Any], matches: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The values with which a decision says that a rule matched, without those that its condition shows.

    Args:
        rule: why it matched, as ``/v1/patterns/{id}:why`` answers.
        matches: of the decision.
    """
    predicates = (rule.get("when") or {}).get("predicates", ())
    shown = {name for each in predicates for name in each["values"]}
    said = next((each.get("values") or {} for each in matches if each.get("pattern") == rule["pattern"]), {})
    return {name: value for name, value in said.items() if name not in shown}


def read_of(rules: Sequence[Mapping[str, Any]], matches: Sequence[Mapping[str, Any]]) -> Set[str]:
    """The names of what rules have read of an event to match it, such as ``event.amount``; see `matched_values`."""
    predicates = [each for rule in rules for each in (rule.get("when") or {}).get("predicates", ())]
    return {name for each in (*predicates, *matches) for name in each.get("values") or ()}


def _asks_presence(predicate: Mapping[str, Any]) -> bool:
    return bool(predicate["predicate"].startswith("has("))
