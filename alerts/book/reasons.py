"""Which reasons are kept of an alert or a case that has more than people read: each rule is heard once, before anything else is said."""

from collections.abc import Iterable

REASONS_MAX = 5


def told_reasons(reasons: Iterable[str]) -> tuple[str, ...]:
    """Returns `REASONS_MAX` of `reasons`, each once: the first of each rule, then those of scores, then what rules say again.

    Args:
        reasons: the most telling first. That of a rule ends with its id in parentheses.
    """
    first: dict[str, str] = {}
    others, again = [], []
    for reason in dict.fromkeys(reasons):
        rule = reason.rpartition(" (")[2] if reason.endswith(")") else ""
        if not rule:
            others.append(reason)
        elif first.setdefault(rule, reason) != reason:
            again.append(reason)
    return tuple([*first.values(), *others, *again][:REASONS_MAX])
