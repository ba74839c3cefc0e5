"""Defines how the effects of rules are stored: what their matches were, what they put on lists, and when a budget was exceeded.

One process reads the decisions, and writes what follows from a batch of them in one transaction with how far it has read. Of several such
processes one writes and the others find that it did, so that each decision counts once. Others carry out what is wanted, and note that.

A match is known by its event and rule: a decision that comes a second time, or with a higher revision, counts no match again.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from patterns.language.pattern import Budget
from stores.offsets import Progress
from stores.scored_events import ScoredEvent, ScoredSample

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOT_HIDDEN = -1
"""`CountedMatch.exception` of a match that no exception hid."""

EntryState = Literal["wanted", "made", "covered", "refused", "unwanted", "withdrawn"]
"""An entry that a match puts on a list is wanted until it is made; or it is covered by one that holds as long, or refused because the list
is not there or full. A later revision of the event makes it unwanted; once it is off the list it is withdrawn."""


class CountedMatch(msgspec.Struct, frozen=True):
    """Holds a match of one decision. Times are event time, ms since the epoch.

    Args:
        event: `effect_id` of its user and id.
        user, event_id, revision: which decision it is of.
        pattern, version, release: the rule, its text, and the release that decided.
        shadow: it was only watched.
        asks: the action that it asks for; '' for none.
        action: that of the decision.
        decided: whether this rule decided it.
        alone: whether no other rule that acts matched.
        at_ms: time of the event.
        newest_ms: the greatest time of an event that was decided before, this one included.
        exception: position of the exception that hid the match, or `NOT_HIDDEN`.
        budget: of the rule; None without one.
    """

    event: str
    user: str
    event_id: str
    revision: int
    pattern: str
    version: str
    release: int
    shadow: bool
    asks: str
    action: str
    decided: bool
    alone: bool
    at_ms: int
    newest_ms: int
    exception: int = NOT_HIDDEN
    budget: Budget | None = None


class WantedEntry(msgspec.Struct, frozen=True):
    """Holds an entry that a match puts on a list. `id` is the effect's, `expires` event time in ms since the epoch; None: never."""

    id: str
    event: str
    revision: int
    list: str
    value: str
    expires: int | None
    reason: str
    pattern: str
    version: str
    at_ms: int
    state: EntryState = "wanted"


class GivenLabel(msgspec.Struct, frozen=True):
    """Holds a label of an event; the newest one of each source is kept."""

    event: str
    source: str
    label: int
    label_time: int


class Work(msgspec.Struct):
    """Holds what follows from a batch of decisions and labels.

    Args:
        progress: how far the batch brings the reading of the two topics.
        decided: events that were decided, by release and hour of event time.
        revised: events whose decision has this revision, above 0: what lower ones put on lists is unwanted.
        failures: at how many events each rule erred, and was skipped because a value was missing.
        newest_ms: the greatest event time so far.
        scored: what models said of the events; those in the sample are kept.
    """

    progress: Progress = Progress({}, {})
    decided: dict[tuple[int, int], int] = {}
    matches: list[CountedMatch] = []
    entries: list[WantedEntry] = []
    revised: list[tuple[str, int]] = []
    labels: list[GivenLabel] = []
    failures: dict[str, tuple[int, int]] = {}
    newest_ms: int = 0
    scored: list[ScoredEvent] = []


class Trip(msgspec.Struct, frozen=True):
    """Holds a budget that was exceeded, and that somebody has to act on.

    Args:
        id: the effect's.
        pattern, version: the rule and its text.
        release: that decided the event whose match was one too many.
        then: the status that the rule gets.
        matches, per_ms: the budget.
        event_time: of that event, ms since the epoch.
        done_release: the release in force afterwards; None while it is open.
        outcome: what became of it, in a few words.
    """

    id: str
    pattern: str
    version: str
    release: int
    then: str
    matches: int
    per_ms: int
    event_time: int
    done_release: int | None = None
    outcome: str = ""


class Alert(msgspec.Struct, frozen=True):
    """Holds a record for the topic ``alerts``; `id` is the effect's, and stands in the value, too."""

    id: str
    key: str
    value: bytes


class Counted(msgspec.Struct, frozen=True):
    """Holds how often a rule matched in an hour of event time, under one release. The fields are those of `CountedMatch`."""

    release: int
    version: str
    shadow: bool
    action: str
    hour_ms: int
    matches: int
    decided: int
    alone: int
    asks: str


class HiddenCount(msgspec.Struct, frozen=True):
    """Says how often an exception of a rule hid a match, and the event time of the newest."""

    pattern: str
    version: str
    exception: int
    hidden: int
    newest_ms: int


class Total(msgspec.Struct, frozen=True):
    """Says how often a rule has matched since it was first seen, and at how many events it erred or was skipped, about.

    Of the matches that no exception hid, `alone` are where no other rule that acts matched.
    """

    pattern: str
    acted: int
    watched: int
    hidden: int
    erred: int = 0
    skipped: int = 0
    alone: int = 0


class LabelledMatch(msgspec.Struct, frozen=True):
    """Holds one label of an event that a rule matched."""

    event: str
    release: int
    shadow: bool
    source: str
    label: int
    label_time: int


class Effects(Protocol):
    """Stores effects. Each call is one transaction. Safe for threads.

    Raises:
        StoreUnavailableError: any call; the store does not answer, and the call may have taken effect all the same.
    """

    def positions(self) -> dict[str, int]:
        """Returns the offset to go on from, by ``topic/partition``."""

    def newest_ms(self) -> int:
        """Returns the greatest event time that was decided; 0 before the first."""

    def apply(self, work: Work, now_ms: int) -> bool:
        """Writes what follows from a batch; returns whether there are alerts to send.

        Raises:
            stores.offsets.OtherReaderError: the offsets are no longer those that the batch begins at; nothing was written.
        """

    def alerts(self) -> list[Alert]:
        """Returns the alerts that are not sent yet, the oldest first."""

    def alerts_sent(self, ids: Sequence[str]) -> None:
        """Notes that these are on the topic."""

    def open_entries(self, limit: int) -> list[WantedEntry]:
        """Returns entries that are wanted or unwanted, the oldest first."""

    def entries_of(self, list: str, value: str) -> list[WantedEntry]:
        """Returns all entries of a value that matches wanted and that are not unwanted."""

    def entries_done(self, states: Mapping[str, EntryState]) -> None:
        """Notes what became of entries that were open, by id."""

    def take_trip(self, by: str, now_ms: int, lease_until_ms: int) -> Trip | None:
        """Returns the oldest open trip that nobody else has taken, for this caller until its lease ends; None if there is none."""

    def close_trip(self, id: str, release: int, outcome: str) -> None:
        """Notes that the trip is over; matches of later releases than `release` count for the rule's budget again."""

    def trips(self, patterns: Collection[str], limit: int) -> dict[str, list[Trip]]:
        """Returns the newest trips of each of these rules; as with all that is told of several rules, one without any is left out."""

    def counts(self, patterns: Collection[str], from_ms: int) -> dict[str, list[Counted]]:
        """Returns how often each of these rules matched, from the hour that begins at `from_ms` on."""

    def decided(self, from_ms: int) -> dict[tuple[int, int], int]:
        """Returns how many events were decided, by release and hour."""

    def overlaps(self, patterns: Collection[str], from_ms: int) -> dict[str, dict[str, int]]:
        """Returns how often each other rule matched the same event as each of these, from the day of `from_ms` on."""

    def labelled(self, patterns: Collection[str], from_ms: int) -> dict[str, list[LabelledMatch]]:
        """Returns the labels of events that each of these rules matched from `from_ms` on."""

    def entry_states(self, patterns: Collection[str]) -> dict[str, dict[str, int]]:
        """Returns how many entries of each of these rules are in each state."""

    def hidden(self, patterns: Collection[str] | None = None) -> list[HiddenCount]:
        """Returns how often exceptions hid matches, those that did most often first; of these rules, or of all."""

    def totals(self, limit: int) -> list[Total]:
        """Returns the totals of the rules that matched most often."""

    def scored_sample(self, from_ms: int, numbers: bool = False) -> ScoredSample:
        """Returns the sample of scored events from the day of `from_ms` on; with `numbers` those events alone whose numbers are kept."""

    def forget(self, before_ms: int, matches_max: int, rows_at_once: int) -> int:
        """Removes what is older than `before_ms` in event time, and matches beyond `matches_max`, of the rule that has most of them first.

        Returns how many rows it removed, `rows_at_once` of each kind at most: call it again until it is 0.
        """


def effect_id(*parts: object) -> str:
    """Returns the id of the effect that `parts` name: 32 hexadecimal digits."""
    return hashlib.blake2b(msgspec.json.encode(parts), digest_size=16).hexdigest()
