"""The shapes of answers about rules: what they are, what they did, and who silenced them."""

import msgspec


class RuleRemarks(msgspec.Struct):
    """What is to be said of an uploaded rule.

    For an event it costs `cost_ns` nanoseconds of CPU at most, about, which are its units, of `cost_ns_max` that a rule may cost; and each
    key of the kinds `state_of` keeps `state_bytes` bytes for it at most, of `state_bytes_max`. `warnings` are sentences that begin with
    file, line and column: conditions that have one answer for all events, and fields and texts that no event has had.
    """

    cost_ns: int
    cost_ns_max: int
    state_bytes: int
    state_bytes_max: int
    state_of: list[str]
    warnings: list[str]


class RuleDay(msgspec.Struct):
    """A day of event time that begins at `day_ms`: events that were decided while the rule was watched, and its matches."""

    day_ms: int
    events: int
    matches: int


class RuleOverlap(msgspec.Struct):
    """Another rule that matched `both` of the events that this one matched, and the share of this one's matches."""

    pattern: str
    both: int
    share: float


class RuleLabels(msgspec.Struct):
    """Labels of events that the rule matched; `precision` is the share of fraud among them, null where there is none."""

    fraud: int
    good: int
    precision: float | None


class RuleReviews(msgspec.Struct):
    """Verdicts of people on events that the rule matched, once they can no longer be undone.

    `precision` is the share of fraud among them and `false_positive_rate` that of legitimate ones, both null where there is none.
    """

    fraud: int
    legitimate: int
    precision: float | None
    false_positive_rate: float | None


class HiddenByException(msgspec.Struct):
    """How often an exception hid a match of the rule `pattern`, and the event time of the newest in ms since the epoch.

    `exception` is its position in the text `version`, from 0. `owner`, `reason` and `expires` are said where this text is in force.
    """

    pattern: str
    version: str
    exception: int
    hidden: int
    newest_ms: int
    owner: str | None
    reason: str | None
    expires: str | None


class HiddenByExceptions(msgspec.Struct):
    """Exceptions, those that hid a match most often first."""

    exceptions: list[HiddenByException]


class RuleTotal(msgspec.Struct):
    """How often a rule has matched with all its texts: how often it acted, was only watched, or an exception hid the match.

    `alone` counts those of the first two where no other rule that acts matched.
    """

    id: str
    acted: int
    watched: int
    hidden: int
    alone: int = 0


class RuleTotals(msgspec.Struct):
    """How often rules matched, the most frequent one first; those that never matched, and those beyond the first 10,000, are left out."""

    patterns: list[RuleTotal]


class BudgetTrip(msgspec.Struct):
    """A budget of `matches` within `per_ms` that was exceeded at `event_time`; `release` has what came of it, null while it is open."""

    event_time: int
    version: str
    matches: int
    per_ms: int
    then: str
    release: int | None
    outcome: str


class PromotionState(msgspec.Struct):
    """Whether what was measured keeps the bounds that the rule's text sets for its promotion, and a sentence for each that is not kept."""

    met: bool
    needed: list[str]


class RuleReport(msgspec.Struct):
    """What a rule did, or would have done, since its text and the text that it extends are what they are.

    `releases` are those that decided meanwhile and watched the rule. Of `events` that they decided, the rule matched `matches`, which is
    `share`; `acted` of these acted. `asks` is the action that it asks for, and `actions` says by action how many of the events that it
    matched got it: those of another action than `asks` would be `changed` if it decided. It `decided` so many, and matched `alone` where no
    other rule that acts did. `entries` says what became of entries that it put on lists.
    """

    pattern: str
    version: str
    status: str
    share_of_entities: float
    releases: list[int]
    from_ms: int
    to_ms: int
    events: int
    matches: int
    share: float | None
    acted: int
    asks: str | None
    actions: dict[str, int]
    changed: int
    decided: int
    alone: int
    days: list[RuleDay]
    overlaps: list[RuleOverlap]
    labels: RuleLabels
    reviewed: RuleReviews
    hidden: list[HiddenByException]
    entries: dict[str, int]
    budget_trips: list[BudgetTrip]
    promotion: PromotionState


class RuleReports(msgspec.Struct):
    """The reports on several rules."""

    reports: list[RuleReport]


class ShownSnooze(msgspec.Struct):
    """A snooze of a rule's alerts; times are ms since the epoch. `fields` are values that an event must have, none for all alerts."""

    id: str
    pattern: str
    fields: dict[str, str]
    comment: str
    by: str
    from_ms: int
    until_ms: int
    holds: bool
    lifted_by: str
    lifted_at_ms: int | None


class ShownSuppression(msgspec.Struct):
    """What silences alerts of a rule: a snooze, whose id is told, or the rule itself, for events with these values after an alerted one.

    Times are ms since the epoch, of a snooze by the clock, else by the time of events. `silenced` counts decisions and absences.
    """

    snooze: str
    fields: dict[str, str]
    since_ms: int
    until_ms: int
    silenced: int


class ShownSnoozes(msgspec.Struct):
    """Snoozes of a rule, the newest first, also those that are over, and what its alerts were silenced by."""

    snoozes: list[ShownSnooze]
    suppressions: list[ShownSuppression] = []


class RuleTest(msgspec.Struct):
    """A test of a rule's text, whose name stands in the line `line`; `problem` says what else than expected came, '' if it passed."""

    name: str
    line: int
    passed: bool
    problem: str


class RuleTests(msgspec.Struct):
    """What the tests of a rule's text gave, in their order; costs and warnings are as in `RuleRemarks`."""

    tests: list[RuleTest]
    cost_ns: int
    cost_ns_max: int
    state_bytes: int
    state_bytes_max: int
    warnings: list[str]


class RuleName(msgspec.Struct):
    """A name that conditions of rules may read, such as ``feature.count_1h``; `about` is what is said of it, '' if nothing is."""

    name: str
    type: str
    about: str


class RuleVocabulary(msgspec.Struct):
    """What rules may say beside release `release`: the JSON Schema of a rule's file, and the names, lists and functions of conditions."""

    release: int
    file: dict[str, object]
    names: list[RuleName]
    lists: list[str]
    functions: list[str]


class RuleMove(msgspec.Struct):
    """A step of a rule's life: whether the caller may take it now, and if not, why."""

    verb: str
    possible: bool
    why: str


class RuleMoves(msgspec.Struct):
    """The steps of a rule's life that lead somewhere from its status.

    Who `approves` may put texts in force that others have stored; who `acts_alone`, their own too.
    """

    pattern: str
    status: str
    approves: bool
    acts_alone: bool
    moves: list[RuleMove]


class ShownRule(msgspec.Struct):
    """A rule of the release in force.

    `status` is draft, shadow, canary, active, paused or retired; `share` is the share of entities for which a canary acts. `hash` is that
    of its text, `approved_by` who approved that text, '' if nobody did.
    """

    id: str
    title: str
    severity: str
    owner: str
    action: str | None
    status: str
    share: float
    hash: str
    approved_by: str


class ShownRules(msgspec.Struct):
    """The rules of release `release`, in the order of their ids."""

    release: int
    patterns: list[ShownRule]


class RuleInForce(msgspec.Struct, omit_defaults=True):
    """A rule after a change, and the release that has it; `changed` is false where everything was so before.

    `remarks` are left out where no text was uploaded.
    """

    release: int
    changed: bool
    pattern: ShownRule
    remarks: RuleRemarks | None = None
