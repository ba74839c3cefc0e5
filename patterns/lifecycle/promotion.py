"""Compares what was measured of a rule with the bounds that its text sets for its promotion.

Whoever measures does not matter: a backtest counts the same things over recorded events as a report on a shadow over live ones.
"""

from typing import NamedTuple

from patterns.language.pattern import Promote


class Measured(NamedTuple):
    """Holds what was counted of one text of a rule.

    Args:
        events: all events that were decided while it was watched.
        matches: how many of these it matched.
        fraud: how many of its matches are known to be fraud.
        good: how many of its matches are known to be none.
    """

    events: int
    matches: int
    fraud: int
    good: int


def unmet(promote: Promote, measured: Measured) -> list[str]:
    """Returns a sentence for each bound that is not kept; none if all are. Bounds are inclusive.

    A bound on the share of events needs an event, and one on the precision needs a match of which it is known whether it is fraud: where
    there is none, the bound is not kept.
    """
    sentences = []
    share = measured.matches / measured.events if measured.events else None
    if promote.matches_at_least is not None and (share is None or share < promote.matches_at_least):
        sentences.append(
            f"the rule has to match at least {_share(promote.matches_at_least)} of the events, and matched {_matched(measured)}"
        )
    if promote.matches_at_most is not None and (share is None or share > promote.matches_at_most):
        sentences.append(f"the rule may match at most {_share(promote.matches_at_most)} of the events, and matched {_matched(measured)}")
    known = measured.fraud + measured.good
    if promote.precision_at_least is not None and (not known or measured.fraud / known < promote.precision_at_least):
        expected = f"at least {_share(promote.precision_at_least)} of the rule's labelled matches have to be fraud"
        sentences.append(f"{expected}, and {measured.fraud:,} of {known:,} are")
    return sentences


def _matched(measured: Measured) -> str:
    if not measured.events:
        return "none, because there were no events"
    return f"{measured.matches:,} of {measured.events:,}, which is {_share(measured.matches / measured.events)}"


def _share(share: float) -> str:
    return f"{100 * share:.4g} %"
