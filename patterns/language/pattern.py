"""A rule as its file declares it, checked: what it reads, which events it matches, and what a match does.

These classes hold what was declared and compute nothing. Times and lengths are in milliseconds of event time, moments since the epoch.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from features.expressions.functions.types import Type
from features.expressions.syntax.syntax import Node
from foundation.place import Place

STATUSES = ("draft", "shadow", "canary", "active", "paused", "retired")
"""The states of a rule. That of the file counts at the rule's first upload alone, where it is `draft` or `shadow`."""

CAPTURES = ("sum", "mean", "min", "max", "first", "last")
"""What a condition may read of the events of an earlier step beside their `count`, as ``step.mean(event.amount)``."""

Constant = bool | int | float | str
"""The value of a parameter."""


class Missing(enum.Enum):
    """Says which truth an atomic predicate has that needs a missing value; SKIP: the rule does not match the event, and is counted."""

    FALSE = "false"
    TRUE = "true"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Formula:
    """Holds a checked expression that gives one value for each event.

    Args:
        text: as it was written.
        node: its syntax tree. Constants stand in the place of parameters. A capture of an earlier step's events is one name, such as
            ``Name("probe.mean(event.amount)")``; a count stays the selection ``probe.count``. So
            ``Checker(Source(text, place), Names(names, lists=True), builder, {}, {}).term(node)`` compiles it.
        type: the type of its value.
        names: all that it reads, with types: ``event.x``, ``feature.x``, ``model.x``, ``adaptive.x``, ``entity.kind.name``,
            ``event.x in list.y`` (a bool), and of earlier steps ``step.count`` (an int) and ``step.mean(event.x)``. Sum, mean, min and
            max are doubles; first and last have the type of what they capture.
        lists: the lists that it asks, by name.
        place: where it stands in the file, for refusals.
        cost: an upper bound of the CPU time for one event in batches of 1,000, about, in nanoseconds.
    """

    text: str
    node: Node
    type: Type
    names: Mapping[str, Type]
    lists: frozenset[str]
    place: Place
    cost: int = 0


@dataclass(frozen=True, slots=True)
class Condition(Formula):
    """Holds a checked expression that gives a bool for each event.

    Args:
        missing: the truth of each atomic predicate that needs a missing value. Atomic predicates are the largest parts under ``&&``,
            ``||``, ``!`` and ``?:`` that are none of these themselves. The macros `all`, `exists` and `exists_one` are atomic.
    """

    missing: Missing = Missing.FALSE


@dataclass(frozen=True, slots=True)
class Step:
    """Describes one step of a sequence.

    Args:
        name: unique within the sequence.
        when: which events it takes. It may read captures of the steps before it.
        least: how many events it needs, from 1 on.
        most: how many events it may take at most, inclusive; None: any number. Equal to `least` for ``times: n``.
        gap_ms: the maximum time (inclusive) between the last event of the step before and the first of this one, and between two events of
            this one that follow each other; None: only the sequence's `within_ms` bounds it. For an absent step at the end, how long after
            the last event of the step before none may come (inclusive).
        optional: the sequence goes on without it.
        absent: no event may satisfy `when` between the steps around it; where it is the last, within `gap_ms` after the last event of the
            step before, or until `within_ms` has passed since the first event, whichever is sooner.
    """

    name: str
    when: Condition
    least: int = 1
    most: int | None = 1
    gap_ms: int | None = None
    optional: bool = False
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """Describes steps that the events of one key take.

    Args:
        key: the entity type whose events count, as `features.definitions.entity_parser` names it: a field, or two joined by ``+``.
        within_ms: the maximum time (inclusive) between the first event of a match and its last.
        steps: in their order, at least one. The first is neither optional nor absent.
        ordered: the steps come in their order; otherwise in any, and none reads another.
        until: an event that satisfies this voids what the key has begun, before it may open or extend anything itself.
        strict: no event of the key may stand between two events of a match (`select: strict`); otherwise others are passed over.
        each: every event that completes the steps gives a match (`emit: each`); otherwise a match ends what led to it.
    """

    key: str
    within_ms: int
    steps: tuple[Step, ...]
    ordered: bool = True
    until: Condition | None = None
    strict: bool = False
    each: bool = False

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions of the steps, in their order, and behind them that of `until`."""
        return (*(step.when for step in self.steps), *(() if self.until is None else (self.until,)))


@dataclass(frozen=True, slots=True)
class Adaptive:
    """Describes a threshold that is learned, which conditions read as ``adaptive.name``, a double.

    Args:
        of: the number that is learned of; it reads no threshold.
        rate: the share of events, in (0, 0.5], that are to lie above the threshold.
        cohort: the text by which keys share a tail; None: all share one.
        half_life_ms: after that time what was learned of a key counts half.
        floor: the threshold is at least this; None: no bound.
        cap: the threshold is at most this; None: no bound.
        key: the entity type whose location and spread are learned: by default that of the feature that `of` reads, else the user.
    """

    name: str
    of: Formula
    rate: float
    cohort: Formula | None
    half_life_ms: int
    floor: float | None
    cap: float | None
    key: str


@dataclass(frozen=True, slots=True)
class RuleException:
    """Describes matches that are hidden.

    Args:
        when: evaluated over the event of the match.
        owner: who answers for it.
        reason: why it is, such as the number of a ticket.
        expires_ms: from this moment on it hides nothing (exclusive end).
    """

    when: Condition
    owner: str
    reason: str
    expires_ms: int


@dataclass(frozen=True, slots=True)
class ListAddition:
    """Describes an entry that a match puts on a list.

    Args:
        value: the name that gives the text of the entry, such as ``event.device_id``.
        to: the list.
        for_ms: how long the entry holds from the time of the event on; None: for ever.
    """

    value: str
    to: str
    for_ms: int | None


@dataclass(frozen=True, slots=True)
class Template:
    """Holds a text with values in it.

    Args:
        text: as it was written.
        parts: texts and formulas by turns, as they follow each other.
    """

    text: str
    parts: tuple[str | Formula, ...]


@dataclass(frozen=True, slots=True)
class Then:
    """Says what a match does.

    Args:
        action: one of `patterns.policy.ACTIONS`; None: it asks for no action.
        adjust: decades of tail: 1 − score is multiplied by 10 to the power of −adjust.
        tags: words that the decision gets.
        additions: entries on lists.
        reason: what the decision says; None: the rule's title is said.
    """

    action: str | None = None
    adjust: float = 0.0
    tags: tuple[str, ...] = ()
    additions: tuple[ListAddition, ...] = ()
    reason: Template | None = None


@dataclass(frozen=True, slots=True)
class Suppress:
    """Says which alerts of the rule are silenced; the action never is.

    Args:
        by: names of fields of the event, one to three. Matches with the same values are silenced after the first.
        for_ms: how long after the alert that was not silenced, inclusive.
        alert_missing: an event that lacks one of the fields is alerted always (`missing: alert`); otherwise the lack counts as one value.
    """

    by: tuple[str, ...]
    for_ms: int
    alert_missing: bool = True


@dataclass(frozen=True, slots=True)
class Budget:
    """Says how often the rule may match.

    Args:
        matches: how many matches in `per_ms` are within the budget.
        per_ms: the length of the sliding window of event time.
        then: the status that the rule gets at the match after these: `shadow` or `paused`.
    """

    matches: int
    per_ms: int
    then: str = "shadow"


@dataclass(frozen=True, slots=True)
class Promote:
    """Says what must hold before the rule may be activated; bounds are inclusive shares in [0, 1], None where there is none.

    Args:
        matches_at_least: of all events, the least share that matches.
        matches_at_most: the greatest.
        precision_at_least: of the labelled matches, the least share that is fraud.
    """

    matches_at_least: float | None = None
    matches_at_most: float | None = None
    precision_at_least: float | None = None


@dataclass(frozen=True, slots=True)
class Effective:
    """Says at which event times the rule matches: from `from_ms` (inclusive) to `to_ms` (exclusive); None: unbounded."""

    from_ms: int | None = None
    to_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """Says what holds for all events of an inline test, in place of what the engine would compute.

    Args:
        numbers: by name, such as ``feature.count_10m``, ``model.fraud`` or ``adaptive.usual``.
        facts: by name, such as ``entity.customer_id.vip``.
        lists: by name of the list, the texts that are on it.
    """

    numbers: Mapping[str, float]
    facts: Mapping[str, Constant]
    lists: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class InlineTest:
    """Describes what the rule does to some events.

    Args:
        name: unique among the rule's tests.
        events: as JSON objects of the schema, in their order of arrival.
        given: what holds beside them.
        matches: how many matches they give, exactly.
        event_ids: the ids of all events of all matches, each once, in the total order; None: any.
        place: where the test stands, for reports.
    """

    name: str
    events: tuple[Mapping[str, object], ...]
    given: Given
    matches: int
    event_ids: tuple[str, ...] | None
    place: Place


@dataclass(frozen=True, slots=True)
class Cost:
    """Says what a rule costs.

    Args:
        units: an upper bound of CPU time for each event without sharing between rules, about, in nanoseconds.
        state_bytes: an upper bound of the state that one key keeps for its sequence and thresholds.
    """

    units: int
    state_bytes: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """Describes one rule.

    Args:
        id: the name of its file without the ending.
        version: content hash of its text, by which the registry, the manifest and decisions know it.
        texts: content hash of its text and of the text of the rule that it extends: with the same, it is the same rule over the same scope.
        severity: one of `patterns.severities.SEVERITIES`.
        status: one of `STATUSES`, that it has after its first upload.
        parameters: their values, by name; conditions hold them as constants already.
        adaptive: its learned thresholds, by name.
        when: a condition on the event; beside a sequence, on the event that completes it. None: the sequence alone matches.
        sequence: None: each event that satisfies `when` matches.
        references: where readers find more on what the rule is about.
        known_gaps: what the rule is known not to catch.
        extends: the id of the rule whose fields it takes over; None: of none.
    """

    id: str
    version: str
    texts: str
    title: str
    why: str
    owner: str
    severity: str
    status: str
    parameters: Mapping[str, Constant | tuple[Constant, ...]]
    adaptive: Mapping[str, Adaptive]
    when: Condition | None
    sequence: Sequence | None
    missing: Missing
    exceptions: tuple[RuleException, ...]
    then: Then
    suppress: Suppress | None
    budget: Budget | None
    promote: Promote
    effective: Effective
    references: tuple[str, ...]
    known_gaps: tuple[str, ...]
    tests: tuple[InlineTest, ...]
    cost: Cost
    extends: str | None = None

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions on the event, of the sequence and of the exceptions, in this order."""
        of_event = () if self.when is None else (self.when,)
        of_sequence = () if self.sequence is None else self.sequence.conditions
        return (*of_event, *of_sequence, *(exception.when for exception in self.exceptions))
