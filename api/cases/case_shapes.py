"""Cases, verdicts and inboxes as callers see and send them."""

from typing import Annotated, Literal

import msgspec

from stores.casework.case import CaseState
from stores.casework.holds import HoldState
from stores.casework.verdicts import Verdict, VerdictWord

TEXT_CHARACTERS_MAX = 2_000
ENTITY_CHARACTERS_MAX = 1_000
EVENTS_MAX = 500
"""One request gives verdicts on so many events at most."""
Text = Annotated[str, msgspec.Meta(max_length=TEXT_CHARACTERS_MAX)]
SomeText = Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_CHARACTERS_MAX)]
NO_NUL = "^[^\\x00]*$"
"""PostgreSQL holds no text with a NUL."""
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=NO_NUL)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=1 << 48)]


class ShownCase(msgspec.Struct):
    """A case: what is known against one entity of one typology, until somebody has decided.

    Times are ms since the epoch; those of events say so in their names. `loss` is what its events would cost if they are fraud, `priority`
    what they are expected to cost: the sum of probability × loss. `is_within_capacity` says that it is among the cases that its inbox
    can still decide today, by priority; null where the inbox has no capacity. `is_claim_late` and `is_decision_late` say that it should
    have been claimed or decided by now. `entities` are those of its events, a bounded number of them.
    """

    id: str
    entity: dict[str, str]
    typology: str
    title: str
    inbox: str
    state: CaseState
    severity: str
    priority: float
    is_within_capacity: bool | None
    alerts: int
    events: int
    loss: float
    first_event_ms: int | None
    last_event_ms: int | None
    patterns: tuple[str, ...]
    reasons: tuple[str, ...]
    entities: list[dict[str, str]]
    opened_at_ms: int
    opened_by: str
    changed_at_ms: int
    claim_by_ms: int
    decide_by_ms: int
    is_claim_late: bool
    is_decision_late: bool
    holder: str
    held_until_ms: int | None
    claimed_at_ms: int | None
    assigned_to: str
    snoozed_until_ms: int | None
    wakes_at_events: int | None
    wakes_at_loss: float | None
    verdict: VerdictWord | Literal[""]
    decided_at_ms: int | None
    closed_at_ms: int | None
    closed_by: str
    version: int


class CasePage(msgspec.Struct):
    """Cases by priority, the greatest first; `next` is the cursor of the page behind it, and null on the last one."""

    cases: list[ShownCase]
    next: str | None


class ShownCaseEvent(msgspec.Struct):
    """An event in a case, by the alert that it counts in. `rules` are those that matched and act; what was not kept is null or empty.

    `model` is the one whose score made the decision, and empty where something else did.
    """

    user: str
    event_id: str
    revision: int
    event_time_ms: int
    action: str
    score: float | None
    probability: float | None
    loss: float
    rules: list[str]
    model: str
    alert: str
    alert_name: str


class EventHold(msgspec.Struct):
    """The hold of an event's payment: its `id` at `/v1/holds`, its state, when it ends by itself, and when and by whom it was ended."""

    id: str
    state: HoldState
    until_ms: int
    ended_at_ms: int | None
    by: str


class CaseEvent(ShownCaseEvent):
    """An event in a case, with the hold of its payment; null where none was held."""

    hold: EventHold | None = None


class CaseEventPage(msgspec.Struct):
    """Events of a case, the oldest first; `next` is the cursor of the page behind it, and null on the last one."""

    events: list[CaseEvent]
    next: str | None


class ShownCaseEntry(msgspec.Struct):
    """Something that happened to a case: an event of it (`what` is then ``event``), or something that the system or somebody did.

    `at_ms` is the clock's, and of an event the event's time. `version` is that of the case behind it. `by` is empty for the system.
    `subject` is what it was done to: the id of an alert or a verdict, or a name.
    """

    what: str
    at_ms: int
    by: str
    text: str
    subject: str
    version: int | None
    event: ShownCaseEvent | None = None


class Timeline(msgspec.Struct):
    """What happened to a case, the newest first; `next` is the cursor of the page behind it, and null on the last one."""

    entries: list[ShownCaseEntry]
    next: str | None


class CaseAlert(msgspec.Struct):
    """An alert in a case, and when it joined; its fields are null where the alert is forgotten."""

    id: str
    joined_at_ms: int
    name: str | None
    title: str | None
    state: str | None
    severity: str | None
    events: int | None
    loss: float | None


class CaseAlertPage(msgspec.Struct):
    """Alerts in a case, the oldest first; `next` is the cursor of the page behind it, and null on the last one."""

    alerts: list[CaseAlert]
    next: str | None


class CaseLink(msgspec.Struct):
    """A case that shares `shared` entities with another one."""

    shared: int
    case: ShownCase


class CaseLinks(msgspec.Struct):
    """Cases that share entities with a case, those with most of them first; a bounded number."""

    links: list[CaseLink]


class VerdictPage(msgspec.Struct):
    """Verdicts of a case, the oldest first, with those that were undone; `next` is the cursor of the page behind it."""

    verdicts: list[Verdict]
    next: str | None


class NewCase(msgspec.Struct, forbid_unknown_fields=True):
    """A case that somebody opens: of a typology of cases.yaml, about one entity of its kind."""

    typology: Name
    entity_id: Annotated[str, msgspec.Meta(min_length=1, max_length=ENTITY_CHARACTERS_MAX, pattern=NO_NUL)]
    text: Text = ""


class WantedNext(msgspec.Struct, forbid_unknown_fields=True):
    """Says of which inboxes the next case is wanted; empty for any that the caller may see."""

    inboxes: Annotated[list[Name], msgspec.Meta(max_length=100)] = []


class GivenText(msgspec.Struct, forbid_unknown_fields=True):
    """What somebody says with a change."""

    text: Text = ""


class GivenCaseNote(msgspec.Struct, forbid_unknown_fields=True):
    """A note on a case."""

    text: SomeText


class Assignment(msgspec.Struct, forbid_unknown_fields=True):
    """Says who is to work on a case; an empty name is anybody."""

    to: Annotated[str, msgspec.Meta(max_length=200, pattern=NO_NUL)]


class InboxMove(msgspec.Struct, forbid_unknown_fields=True):
    """Says which inbox a case is moved to, and why."""

    inbox: Name
    text: Text = ""


class AlertMove(msgspec.Struct, forbid_unknown_fields=True):
    """Says which case an alert is moved to; null detaches it, so that it is in none."""

    to: Annotated[str, msgspec.Meta(max_length=200)] | None


class Snoozing(msgspec.Struct, forbid_unknown_fields=True):
    """Lets a case sleep until a time, ms since the epoch, or until so many further events or so much further loss have joined it."""

    until_ms: Milliseconds | None = None
    events: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)] | None = None
    loss: Annotated[float, msgspec.Meta(gt=0, le=1e15)] | None = None
    text: Text = ""


class NamedEvent(msgspec.Struct, forbid_unknown_fields=True):
    """Names an event by its user and its id."""

    user: Annotated[str, msgspec.Meta(max_length=ENTITY_CHARACTERS_MAX)]
    event_id: Annotated[str, msgspec.Meta(min_length=1, max_length=ENTITY_CHARACTERS_MAX)]


class GivenVerdict(msgspec.Struct, forbid_unknown_fields=True):
    """A verdict on `events`, or on all events that the case has now where that is null.

    `reason` is one of the taxonomy in cases.yaml, and `inputs` are what the typology requires. `close` closes the case with it.
    """

    verdict: VerdictWord
    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""
    inputs: Annotated[dict[str, str | float | bool], msgspec.Meta(max_length=50)] = {}
    events: Annotated[list[NamedEvent], msgspec.Meta(min_length=1, max_length=EVENTS_MAX)] | None = None
    close: bool = False
    text: Text = ""


class CaseChanges(msgspec.Struct):
    """Cases as they stand, in the order of their newest changes; `next` is the cursor that gives what changes afterwards."""

    cases: list[ShownCase]
    next: str


class GivenVerdicts(msgspec.Struct):
    """The verdicts that were given, one an event or one on all, and the case behind them."""

    verdicts: list[Verdict]
    case: ShownCase


class GivenInbox(msgspec.Struct, forbid_unknown_fields=True):
    """Says who may see the cases of an inbox, beside admins: callers with one of `roles`, and those whose names are in `members`."""

    roles: Annotated[list[Name], msgspec.Meta(max_length=10)] = []
    members: Annotated[list[Name], msgspec.Meta(max_length=1_000)] = []


class ShownInbox(msgspec.Struct):
    """An inbox with what waits in it.

    `is_restricted` inboxes are seen by admins, by callers with one of `roles`, and by `members`; the others by whoever may read cases.
    `capacity` is how many cases are decided in a day, and null where nobody said. `backlog_days` is how many days the cases that are not
    closed take at that rate. `unclaimed` are those that can be claimed; `decided_today` counts since midnight UTC.
    """

    name: str
    title: str
    capacity: int | None
    open: int
    unclaimed: int
    oldest_opened_at_ms: int | None
    decided_today: int
    backlog_days: float | None
    is_restricted: bool
    roles: tuple[str, ...]
    members: tuple[str, ...]
    version: int


class ShownInboxes(msgspec.Struct):
    """The inboxes that the caller may see, by name."""

    inboxes: list[ShownInbox]


class Spread(msgspec.Struct):
    """How long something took, in ms, over `cases` cases: the median, and what nine in ten did not exceed; null without cases."""

    cases: int
    median_ms: int | None
    ninety_percent_ms: int | None


class InboxQuality(msgspec.Struct):
    """How well the cases of an inbox are reviewed. `late_claims` and `late_decisions` are the shares that missed their service levels."""

    inbox: str
    decided: int
    by_verdict: dict[str, int]
    claim_to_decision: Spread
    opening_to_decision: Spread
    late_claims: float | None
    late_decisions: float | None
    open: int
    oldest_opened_at_ms: int | None
    capacity: int | None
    backlog_days: float | None


class RuleQuality(msgspec.Struct):
    """What was said of reviewed alerts of a rule.

    `precision` is fraud ÷ (fraud + legitimate), and `false_positive_rate` legitimate ÷ (fraud + legitimate); null without either.
    """

    rule: str
    reviewed: int
    fraud: int
    legitimate: int
    unsure: int
    precision: float | None
    false_positive_rate: float | None


class ModelQuality(msgspec.Struct):
    """What was said of reviewed alerts whose decisions a model's score made, and how well its probabilities agree with that.

    The figures up to `false_positive_rate` are those of `RuleQuality`.
    `expected_frauds` is the sum of the probabilities that were told of the `told` events in alerts that were judged fraud or legitimate,
    and `found_frauds` how many of these events are in alerts that were judged fraud. A calibrated model has both alike.
    """

    model: str
    reviewed: int
    fraud: int
    legitimate: int
    unsure: int
    precision: float | None
    false_positive_rate: float | None
    told: int
    expected_frauds: float
    found_frauds: int


class ReviewQuality(msgspec.Struct):
    """How well cases are reviewed that were decided in [since_ms, until_ms), ms since the epoch.

    `is_whole` is false where there were so many that only the newest were counted.
    """

    since_ms: int
    until_ms: int
    is_whole: bool
    inboxes: list[InboxQuality]
    rules: list[RuleQuality]
    models: list[ModelQuality]
