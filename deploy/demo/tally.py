"""Counts decisions and dead letters for the live view, without input or output."""

import collections
from collections.abc import Mapping

import msgspec

from deploy.demo.attacks import Attack

NOT_CAUGHT = "not caught"
_RULES_DECIDED = ("block", "review")
"""What `decided_by` is where rules asked for this action."""
LATENCIES_KEPT = 5_000
FLAGGED_KEPT = 12


class SeenMatch(msgspec.Struct):
    """The fields that are read of the match of a rule."""

    pattern: str
    shadow: bool = False


class Seen(msgspec.Struct):
    """The fields that are read of a decision."""

    event_id: str
    event_time: int
    user: str
    score: float | None
    action: str
    reasons: list[str]
    event: dict[str, float | None]
    entities: dict[str, str]
    processed_at: int
    decided_by: str = "score"
    matches: list[SeenMatch] = msgspec.field(default_factory=list)

    @property
    def caught_by(self) -> str:
        """The rule that decided, or what else did, such as the score; '' if the payment was approved."""
        if self.action == "approve":
            return ""
        acting = [match.pattern for match in self.matches if not match.shadow]
        return acting[0] if acting and self.decided_by in _RULES_DECIDED else self.decided_by


class Flagged(msgspec.Struct):
    """A decision other than approve, with the attack that it belongs to, if any."""

    decision: Seen
    attack: Attack | None


class Tally:
    """The counts of one demo since its live payments began.

    Args:
        attacked: the attack that a payment belongs to, by event id; the caller may add to it.
    """

    def __init__(self, attacked: Mapping[str, Attack]) -> None:
        self._attacked = attacked
        self.actions: collections.Counter[str] = collections.Counter()
        self.attacks_flagged: dict[int, Attack] = {}
        self.caught: collections.defaultdict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        """By kind of attack: how many of its payments each rule or the score caught, and how many nothing did (`NOT_CAUGHT`)."""
        self.matched: collections.Counter[str] = collections.Counter()
        self.matched_in_attacks: collections.Counter[str] = collections.Counter()
        self.false_alarms = 0
        self.dead_letters: collections.Counter[str] = collections.Counter()
        self.flagged: collections.deque[Flagged] = collections.deque(maxlen=FLAGGED_KEPT)
        self._latencies_ms: collections.deque[int] = collections.deque(maxlen=LATENCIES_KEPT)

    @property
    def decisions(self) -> int:
        return self.actions.total()

    def add(self, decision: Seen) -> Flagged | None:
        """Counts one decision; gives it back if it is flagged, that is, review or block."""
        self.actions[decision.action] += 1
        self._latencies_ms.append(decision.processed_at - decision.event_time)
        attack = self._attacked.get(decision.event_id)
        self._count_rules(decision, attack)
        if decision.action == "approve":
            return None
        if attack is None:
            self.false_alarms += 1
        else:
            self.attacks_flagged[attack.number] = attack
        flagged = Flagged(decision, attack)
        self.flagged.append(flagged)
        return flagged

    def _count_rules(self, decision: Seen, attack: Attack | None) -> None:
        rules = {match.pattern for match in decision.matches}
        self.matched.update(rules)
        if attack is not None:
            self.matched_in_attacks.update(rules)
            self.caught[attack.kind][decision.caught_by or NOT_CAUGHT] += 1

    def add_dead_letter(self, what: str) -> None:
        """Counts one dead letter, by what is wrong with it."""
        self.dead_letters[what] += 1

    def latency_ms(self, share: float) -> float:
        """The latency that `share` (0 to 1) of the last `LATENCIES_KEPT` decisions do not exceed; NaN before the first.

        The latency is the time from the event's own time, when it was produced, to when its decision was made.
        """
        if not self._latencies_ms:
            return float("nan")
        ordered = sorted(self._latencies_ms)
        return float(ordered[min(int(share * len(ordered)), len(ordered) - 1)])
