"""What alerts need to know of a decision, or of what is told beside: an absence that came true, a budget that was exceeded, a drift."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from patterns.language.pattern import Suppress
from patterns.severities import SEVERITIES

Kind = Literal["decision", "absence", "budget", "drift"]
KINDS: tuple[Kind, ...] = ("decision", "absence", "budget", "drift")


@dataclass(frozen=True, slots=True)
class MatchedRule:
    """Is a rule that matched and was not in shadow: its id, one of `patterns.severities.SEVERITIES`, and what silences its alerts."""

    pattern: str
    severity: str
    suppress: Suppress | None = None


@dataclass(frozen=True, slots=True)
class DecidedEvent:
    """Is one decision. What else is told has the fields of one as far as they mean something: its `event_id` is the record's id.

    Args:
        key: stands for the event's user and id, and is the same for all revisions.
        user, event_id: the event's.
        revision: of the decision, from 0 on.
        event_time_ms: time of the event, ms since the epoch.
        decided_at_ms: when it was decided, ms since the epoch; of other kinds than decisions the same as `event_time_ms`.
        action: ``approve``, ``review`` or ``block``; of other kinds the kind.
        score: in [0, 1]; None without one.
        rules: the rules that matched and act.
        entities: id by kind of entity, the user's among them; kinds that the event lacks are left out.
        loss: what the event would cost if it is fraud, in the currency of the policy; 0 if that is not known.
        reasons: why, in words, the weightiest first.
        is_retracted: whether this revision takes the event back; of a drift, whether it has ended.
        kind: one of `KINDS`.
        probability: that the event is fraud, in [0, 1]; None where the decision does not say.
        values: as texts, what the record keeps of the event's fields, for what silences alerts.
        is_of_rules: whether its rules made it what it is, and not the score.
        model: the model whose score made it what it is; '' where something else did.
        is_silenced: whether alerts do not hear it, see `alerts.book.suppressions`.
    """

    key: str
    user: str
    event_id: str
    revision: int
    event_time_ms: int
    decided_at_ms: int
    action: str
    score: float | None
    rules: tuple[MatchedRule, ...]
    entities: Mapping[str, str]
    loss: float = 0.0
    reasons: tuple[str, ...] = ()
    is_retracted: bool = False
    kind: Kind = "decision"
    probability: float | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    is_of_rules: bool = False
    model: str = ""
    is_silenced: bool = False

    def severity(self) -> str:
        """Returns the greatest severity of its rules; without rules ``high`` for what is blocked, else ``medium``."""
        if self.rules:
            return max((rule.severity for rule in self.rules), key=SEVERITIES.index)
        return "high" if self.action == "block" else "medium"
