"""The life of a rule: which verbs move it from which status to which, and what has to hold before.

A draft is stored and checked. A shadow is watched and decides nothing. A canary acts for a share of the entities, an active rule for all. A
paused rule is not evaluated, and keeps its place. A retired one is over: only its texts are left to read.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from foundation.refusal import Refusal
from patterns.lifecycle.manifest import ACTING, Standing


class Move(NamedTuple):
    """Describes what a verb does to a rule.

    Args:
        to: the status after it.
        from_: the statuses that it may be said in.
        needs_approval: whether somebody has to have approved the rule's text before.
        approvers_only: whether authors may not say it.
    """

    to: str
    from_: tuple[str, ...]
    needs_approval: bool
    approvers_only: bool


MOVES: Final[Mapping[str, Move]] = {
    "shadow": Move("shadow", ("draft", "canary", "active", "paused"), False, False),
    "canary": Move("canary", ("shadow", "canary", "active", "paused"), True, True),
    "activate": Move("active", ("shadow", "canary", "paused"), True, True),
    "pause": Move("paused", ("shadow", "canary", "active"), False, False),
    "retire": Move("retired", ("draft", "shadow", "canary", "active", "paused"), False, True),
}
"""What each verb does. To say a verb to a rule that is where it leads already changes nothing, but for the share of a canary."""


def moved(id: str, standing: Standing, verb: str, share: float | None = None, approver: str = "") -> Standing:
    """Returns what the rule `id` may do after `verb`, a key of `MOVES`.

    Args:
        standing: what it may do now.
        share: of a canary, the share of entities in (0, 1]; None keeps that which it has, or is 5 % for one that was no canary.
        approver: who may approve the text by saying this; '' if nobody may.

    Raises:
        Refusal: the verb leads nowhere from the rule's status, or its text has to be approved before.
    """
    move = MOVES[verb]
    if standing.status == move.to and verb != "canary":
        return standing
    if standing.status not in move.from_:
        possible = [verb for verb, each in MOVES.items() if standing.status in each.from_]
        expected = f"a rule that is {' or '.join(move.from_)}"
        remedy = f"from {standing.status} it may {' or '.join(possible)}" if possible else "upload its text under another id"
        raise Refusal(f"{verb} leads nowhere", where=f"rule {id}", expected=expected, got=standing.status, remedy=remedy)
    approved_by = standing.approved_by or (approver if move.needs_approval else "")
    if move.needs_approval and not approved_by:
        expected = "a text that somebody other than its author has approved"
        raise Refusal("not approved", where=f"rule {id}", expected=expected, got="none", remedy=f"POST /v1/patterns/{id}:approve")
    return msgspec.structs.replace(standing, status=move.to, share=_share(standing, verb, share), approved_by=approved_by)


SHARE_FIRST: Final = 0.05
"""The share of a canary whose caller names none."""


def _share(standing: Standing, verb: str, share: float | None) -> float:
    if verb != "canary":
        return 1.0
    if share is not None:
        return share
    return standing.share if standing.status == "canary" else SHARE_FIRST


def acts(standing: Standing | None) -> bool:
    """Tells whether a rule may decide events, so that its text must not change without an approver. One that is not there does not."""
    return standing is not None and standing.status in ACTING
