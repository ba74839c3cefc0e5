"""Which rules matched which events of a batch, what the engine asks of a release's rules, and what it shows them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from features.definitions.derived import Lists
from features.profiles.profiles import Profiles
from features.profiles.sections import Section
from features.schema.batch import Batch
from foundation.filled_arrays import filled
from foundation.number_arrays import Float64s, Int8s, Int64s
from patterns.absences import NOBODY_WAITS, Absence, Waiting
from patterns.findings import NOTHING_FOUND, Findings, findings_joined
from patterns.language.pattern import Budget, ListAddition, Suppress
from patterns.thresholds.threshold import Asked, Threshold

Bools = NDArray[np.bool_]

MATCHES_MAX = 33
"""The maximum number of matches of an event that are named: the one that decided and 32 more. The others are counted."""

_SIZES_KEPT = 64
"""What no rule matched is remembered for batches of so many sizes."""

RULES_MAX = 10_000
"""The maximum number of rules of a release."""


class Rule(NamedTuple):
    """What a match says of its rule.

    Args:
        pattern: the rule's id.
        version: which text of it.
        action: one of `patterns.policy.ACTIONS`, that it asks for; '' if it asks for none.
        adjust: the decades of tail by which it moves the score.
        tags: the words that it adds to a decision.
        additions: the entries that it puts on lists.
        budget: how often it may match; None: as often as it does.
        severity: one of `patterns.severities.SEVERITIES`.
        suppress: what silences its alerts; None: nothing.
    """

    pattern: str
    version: str
    action: str = ""
    adjust: float = 0.0
    tags: tuple[str, ...] = ()
    additions: tuple[ListAddition, ...] = ()
    budget: Budget | None = None
    severity: str = "medium"
    suppress: Suppress | None = None


class Hidden(NamedTuple):
    """h matches that an exception hid, in the order of the events; they do nothing.

    Args:
        events: [h] row of the event in its batch, ascending.
        rules: [h] position among the release's rules.
        exceptions: [h] position among the rule's exceptions of the first that hid the match.
    """

    events: Int64s
    rules: Int64s
    exceptions: Int64s


class Matches(NamedTuple):
    """m named matches of n events, in the order of the events.

    Of one event the first is the one that decides if rules do, then those that act by growing weight, then those in shadow. At most
    `MATCHES_MAX` are named. No column but `counts` depends on how many matches are in shadow, beside these matches themselves.

    Args:
        events: [m] row of the event in its batch, ascending.
        rules: [m] position among the release's rules.
        shadows: [m] whether the match is only watched: it does nothing.
        found: what the m matches found.
        counts: [n] how many rules matched each event, those that are not named included.
        wanted: [n] the code of the action that counts before the others that matches ask for; -1 where none asks.
        adjusts: [n] the decades of tail of all matches that act, together.
        hidden: the matches that exceptions hid.
    """

    events: Int64s
    rules: Int64s
    shadows: Bools
    found: Findings
    counts: Int64s
    wanted: Int8s
    adjusts: Float64s
    hidden: Hidden

    def at(self, rows: Int64s) -> "Matches":
        """Returns those of the events at `rows`, ascending, as of a batch of these alone."""
        places = np.full(len(self.counts), -1)
        places[rows] = np.arange(len(rows))
        kept = np.flatnonzero(places[self.events] >= 0)
        return Matches(
            places[self.events[kept]],
            self.rules[kept],
            self.shadows[kept],
            self.found.at(kept),
            self.counts[rows],
            self.wanted[rows],
            self.adjusts[rows],
            self._hidden_at(places),
        )

    def in_order(self, order: Int64s) -> "Matches":
        """Returns those of the same events in another order; `order` [n] holds each row once."""
        places = np.empty(len(order), np.int64)
        places[order] = np.arange(len(order))
        named, hidden = np.argsort(places[self.events], kind="stable"), np.argsort(places[self.hidden.events], kind="stable")
        return Matches(
            places[self.events[named]],
            self.rules[named],
            self.shadows[named],
            self.found.at(named),
            self.counts[order],
            self.wanted[order],
            self.adjusts[order],
            Hidden(places[self.hidden.events[hidden]], self.hidden.rules[hidden], self.hidden.exceptions[hidden]),
        )

    def _hidden_at(self, places: Int64s) -> Hidden:
        kept = np.flatnonzero(places[self.hidden.events] >= 0)
        return Hidden(places[self.hidden.events[kept]], self.hidden.rules[kept], self.hidden.exceptions[kept])


class Sight(NamedTuple):
    """Holds what rules look at: the events of one batch, and what is known of them.

    Args:
        batch: n events.
        features: [n, features] in major units; NaN where missing.
        models: by name the score of each event in [0, 1]; NaN where there is none.
        decided: [n] whether the event gets a decision; others match nothing and leave no trace.
        fresh: [n] whether the event gets its first decision: those that do not are no events of a sequence again.
        late: [n] whether its user had a newer event before.
        facts: gives [n] by path of each fact that is known, see `features.schema.facts.number_of`; asked only by rules that read facts.
        lists: tells which texts are on which list; None where nobody knows any entry.
        profiles: those of the users, where rules keep their state.
        slots: [n] of each event's user in `profiles`.
        of_entities: by kind of entity, what its stage says of the sequences of rules whose key it is, see `EntityRules`.
        absences: gets the trailing absences of users that have come true, because a later event of the same user came.
        adaptive: by name among all rules (`patterns.rules.values.own_names`), the learned threshold [n] of each event; NaN where too
            little is known. Before thresholds are looked at there are none.
    """

    batch: Batch
    features: Float64s
    models: Mapping[str, Float64s]
    decided: Bools
    fresh: Bools
    late: Bools
    facts: Callable[[], Mapping[str, Float64s]]
    lists: Lists | None
    profiles: Profiles
    slots: Int64s
    of_entities: Mapping[str, Int64s]
    absences: list[Absence]
    adaptive: Mapping[str, Float64s]


class EntityRules(Protocol):
    """What of the rules of a release the stage of one kind of entity looks at, before that of the user.

    `width` is the number of words that their sequences answer an event with. `thresholds` are those that entities of the kind learn.
    """

    @property
    def width(self) -> int: ...

    @property
    def thresholds(self) -> Sequence[Threshold]: ...

    def ask_thresholds(self, batch: Batch, features: Float64s) -> Sequence[Asked]:
        """Returns what the events of a batch ask of each of `thresholds`, in their order; `features`: see `find_many`."""
        ...

    def find_many(
        self,
        batch: Batch,
        features: Float64s,
        learned: Float64s,
        fresh: Bools,
        late: Bools,
        profiles: Profiles,
        slots: Int64s,
        absences: list[Absence],
    ) -> Int64s:
        """Looks at every event of a batch, and returns [n, width] words, from which the rules of the release read which ones matched.

        Args:
            features: [n, features of the kind] in major units; NaN where missing.
            learned: [n, thresholds] of the entities, NaN where too little is known.
            fresh: [n] whether the event is new to its entity; others are no events of a sequence again.
            late: [n] whether its entity had a newer event before.
            slots: [n] of each event's entity in `profiles`.
            absences: gets the trailing absences that have come true, because a later event of the same entity came.
        """
        ...


class Rules(Protocol):
    """The compiled rules of a release.

    `each` says what a match says of the rule at its position; those that never act come last. `cost_ns` is the CPU that an event costs,
    about, in nanoseconds. `lists` are those that the rules ask. `thresholds` are those that the rules learn. `reads` are the names that
    each reads, by its id. `errors` and `skips` count at how many events each rule erred, and was skipped because a value was missing,
    since it was compiled. `of_entities` is what the stages of other entities than users look at, by kind. `waiting`
    are the sequences that end with an absence, by kind of entity, users included.
    """

    errors: Int64s
    skips: Int64s

    @property
    def each(self) -> Sequence[Rule]: ...

    @property
    def cost_ns(self) -> float: ...

    @property
    def thresholds(self) -> Sequence[Threshold]: ...

    @property
    def of_entities(self) -> Mapping[str, EntityRules]: ...

    @property
    def waiting(self) -> Mapping[str, Waiting]: ...

    @property
    def lists(self) -> Collection[str]: ...

    @property
    def reads(self) -> Mapping[str, tuple[str, ...]]: ...

    def sections_of(self, kind: str) -> tuple[Section, ...]:
        """Returns what profiles of a kind of entity keep for the rules."""
        ...

    def ask_thresholds(self, sight: Sight) -> Sequence[Asked]:
        """Returns what the events of `sight` ask of each of `thresholds`, in their order."""
        ...

    def find_many(self, sight: Sight) -> Matches:
        """Looks at every event of `sight`, and changes nothing of it but the state of rules in its profiles."""
        ...


class NoRules:
    """A release without rules."""

    each: tuple[Rule, ...] = ()
    errors = skips = np.zeros(0, np.int64)
    cost_ns = 0.0
    of_entities: Mapping[str, EntityRules] = {}
    waiting: Mapping[str, Waiting] = NOBODY_WAITS
    thresholds: tuple[Threshold, ...] = ()
    lists: tuple[str, ...] = ()
    reads: Mapping[str, tuple[str, ...]] = {}

    def sections_of(self, kind: str) -> tuple[Section, ...]:
        """Nothing."""
        return ()

    def ask_thresholds(self, sight: Sight) -> tuple[Asked, ...]:
        """Nothing."""
        return ()

    def find_many(self, sight: Sight) -> Matches:
        """No match."""
        return no_matches(len(sight.batch))


NO_RULES = NoRules()


_NOTHING = np.zeros(0, np.int64)
_NEVER = np.zeros(0, np.bool_)
NOTHING_HIDDEN = Hidden(_NOTHING, _NOTHING, _NOTHING)


@lru_cache(maxsize=_SIZES_KEPT)
def no_matches(n: int) -> Matches:
    """Of `n` events that no rule matched. It is shared, so that its arrays cannot be written."""
    none = (np.zeros(n, np.int64), filled(n, -1, np.int8), np.zeros(n))
    for column in none:
        column.flags.writeable = False
    return Matches(_NOTHING, _NOTHING, _NEVER, NOTHING_FOUND, *none, NOTHING_HIDDEN)


def joined(parts: Sequence[Matches]) -> Matches:
    """Matches of batches that follow each other, as of one."""
    firsts = np.cumsum([0, *(len(part.counts) for part in parts)])[:-1].tolist()
    hidden = [part.hidden for part in parts]
    return Matches(
        np.concatenate([part.events + first for part, first in zip(parts, firsts, strict=True)]),
        np.concatenate([part.rules for part in parts]),
        np.concatenate([part.shadows for part in parts]),
        findings_joined([part.found for part in parts]),
        np.concatenate([part.counts for part in parts]),
        np.concatenate([part.wanted for part in parts]),
        np.concatenate([part.adjusts for part in parts]),
        Hidden(
            np.concatenate([part.events + first for part, first in zip(hidden, firsts, strict=True)]),
            np.concatenate([part.rules for part in hidden]),
            np.concatenate([part.exceptions for part in hidden]),
        ),
    )
