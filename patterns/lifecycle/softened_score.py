"""Warns of rules by which an event gets a milder action than its score alone would give it, where nobody has said that this is meant."""

from collections.abc import Iterator, Mapping

from foundation.document import read_document
from patterns.language.pattern import Pattern
from patterns.policy import ACTIONS, read_policy

_NAMED_MAX = 5


def softened_score(policy: str, patterns: Mapping[str, Pattern]) -> Iterator[str]:
    """Yields a sentence for the rules that ask for review and so speak before a score that blocks. A rule that asks to approve means that.

    Args:
        policy: the text of a policy, which has been checked. One that says its `order` says what is meant.
        patterns: the rules by id.
    """
    if read_document(policy, "policy.yaml").has("order"):
        return
    if ACTIONS.index("block") not in read_policy(policy).actions.tolist():
        return
    found = [id for id, pattern in patterns.items() if pattern.then.action == "review"]
    if found:
        named = ", ".join(found[:_NAMED_MAX]) + (f" and {len(found) - _NAMED_MAX} others" if len(found) > _NAMED_MAX else "")
        yield (
            f"policy.yaml: rules that ask for review ({named}) speak before a score that blocks, so that what it"
            " would block is reviewed; write order: strongest if the severest action is to count, or write out the order that you mean"
        )
