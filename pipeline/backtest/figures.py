"""The figures of a backtest, as they are stored and shown. Times are event times in ms since the epoch."""

import msgspec


class Counts(msgspec.Struct, frozen=True):
    """Counts events: all of them, and of these how many are known to be fraud, known to be none (`good`), and neither."""

    events: int = 0
    fraud: int = 0
    good: int = 0
    unknown: int = 0


class Caught(msgspec.Struct, frozen=True):
    """Counts events that were caught.

    Args:
        counts: them.
        precision: of those of which it is known, the share that is fraud; None where nothing is known of any.
        precision_low, precision_high: the ends of the interval in which the precision is with 95 % (Wilson's score interval).
        recall: of all fraud among the events of the backtest, the share that was caught; None where no fraud is known.
    """

    counts: Counts
    precision: float | None
    precision_low: float | None
    precision_high: float | None
    recall: float | None


class Value(msgspec.Struct, frozen=True):
    """The sum of a field over events, in its own unit; `lacking` counts those without a value."""

    sum: float = 0.0
    lacking: int = 0


class Example(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """An event whose decision differs.

    Args:
        from_, to: its action as the rules in force decide, and with the candidate.
        by: what decides with the candidate, one of `patterns.policy.DECIDERS`.
        known: fraud, good or unknown.
        rules: the ids of the rules that differ and matched it.
        value: of the field that is summed; None without.
    """

    event_id: str
    user: str
    event_time: int
    from_: str
    to: str
    by: str
    known: str
    score: float | None
    value: float | None
    rules: list[str]


class Changed(msgspec.Struct, frozen=True):
    """Events whose decisions differ in one way, the number of their users, the sum of their values, and the dearest of them."""

    counts: Counts
    users: int
    value: Value
    examples: list[Example]


class Flip(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """Events that get the action `to` with the candidate, and `from` without."""

    from_: str
    to: str
    changed: Changed


class Counterexamples(msgspec.Struct, frozen=True):
    """Events with a label whose decisions the candidate mends or spoils. An event is stopped that is reviewed or blocked.

    Args:
        fraud_stopped: fraud that passes without the candidate.
        good_released: good events that are stopped without it.
        good_stopped: good events that it stops.
        fraud_released: fraud that it lets pass.
    """

    fraud_stopped: Changed
    good_released: Changed
    good_stopped: Changed
    fraud_released: Changed


class Decided(msgspec.Struct, frozen=True):
    """What was decided of all events: how many got each action, and how good it is to have stopped those that are reviewed or blocked."""

    actions: dict[str, Counts]
    stopped: Caught


class Overlap(msgspec.Struct, frozen=True):
    """How many events this and another rule match both, and each of them alone of the two."""

    rule: str
    version: str
    both: Counts
    only_this: int
    only_other: int


class BudgetTrips(msgspec.Struct, frozen=True):
    """How often the rule's matches would have gone beyond its budget, when first, and at how many matches from then on it would not have
    acted if nobody had put it back. After each trip counting begins anew.
    """

    trips: int
    first_at: int
    matches_from_then_on: int


class RuleFigures(msgspec.Struct, frozen=True):
    """What a rule did that differs.

    Args:
        version, texts: see `patterns.language.pattern.Pattern`; two rules are the same only where `texts` are.
        hash: the SHA-256 of its text.
        role: ``candidate``, or ``replaced`` where another text takes its place, or ``without``.
        caught: its matches.
        share: its matches by all events.
        users: the number of users of its matches.
        hidden: matches that exceptions hid.
        alone: those of its matches at which no other rule that acts matched.
        uncaught: those that pass as the rules in force decide.
        errors, skips: the number of events at which it erred, and was skipped because a value was missing; events of the warm-up count too.
        overlaps: with other rules, the greatest first.
        budget: None where it has none, or does not go beyond it.
        unmet: the bounds of its promotion that are not kept, in words.
    """

    id: str
    version: str
    texts: str
    hash: str
    role: str
    caught: Caught
    share: float
    users: int
    hidden: int
    alone: Counts
    uncaught: Counts
    errors: int
    skips: int
    overlaps: list[Overlap]
    budget: BudgetTrips | None
    unmet: list[str]


class Day(msgspec.Struct, frozen=True):
    """The events of a day in UTC, those that the candidate's rules match, and those whose decisions differ."""

    day: str
    events: Counts
    matches: Counts
    flips: Counts


class LabelCoverage(msgspec.Struct, frozen=True):
    """How many events have a label, how many count as good because nobody said otherwise for long enough, and how many are unknown.

    Args:
        fraud, good: events with such a label.
        good_by_age: events without a label that are older than the schema's `negative_after` at the end of the events.
        unknown: other events.
        negative_after_ms: that time; None where no label is known at all, so that nothing counts as good.
        without_event: labels of events that are not there, and labels that name no user where several have an event with their id.
    """

    fraud: int
    good: int
    good_by_age: int
    unknown: int
    negative_after_ms: int | None
    without_event: int


class People(msgspec.Struct, frozen=True):
    """Numbers of users: with an event that the candidate's rules match, with a decision that gets stricter, with one that gets milder, and
    with a good event that is newly stopped.
    """

    matched: int
    stricter: int
    milder: int
    good_stopped: int


class Span(msgspec.Struct, frozen=True):
    """Says which events count.

    Args:
        from_ms, to_ms: the bounds that were asked for, from (inclusive) and to (exclusive); None for no bound.
        first_at, last_at: the first and the last event time of those that count; None where none does.
        events: how many count.
        warm_up_events: how many others were read, so that windows and models know them.
    """

    from_ms: int | None
    to_ms: int | None
    first_at: int | None
    last_at: int | None
    events: int
    warm_up_events: int


class Figures(msgspec.Struct, frozen=True):
    """All that a backtest found.

    Args:
        release: the number of the release in force; 1 for a folder.
        candidate: the hash of the texts of the rules that act with the candidate, by id.
        without: the ids of the rules that the candidate does without.
        unscored: events, by reason, that got no decision of their own; they are not among the events.
        refused: rows that could not be read, and `refused_for` why.
        before, after: what is decided in force, and with the candidate.
        value_of: the field whose values are summed; '' for none.
        not_simulated: what the figures leave out, in words.
        remarks: what else a reader has to know.
    """

    release: int
    candidate: dict[str, str]
    without: list[str]
    span: Span
    unscored: dict[str, int]
    refused: int
    refused_for: list[str]
    labels: LabelCoverage
    before: Decided
    after: Decided
    flips: list[Flip]
    counterexamples: Counterexamples
    people: People
    rules: list[RuleFigures]
    days: list[Day]
    value_of: str
    not_simulated: list[str]
    remarks: list[str]
