"""The decision on one event, as it leaves the system."""

from collections.abc import Iterable, Iterator
from itertools import repeat, starmap
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from features.layout.layout import CORRECTED, DUPLICATE, LATE, RETRACTED, WARMING
from features.schema.batch import Batch
from foundation.kernel_arrays import UINT8, for_kernel
from patterns.findings import Events, Values
from patterns.language.pattern import Budget
from patterns.policy import ACTIONS, DECIDERS
from pipeline.engine.decisions.explanation import Explanations
from pipeline.engine.decisions.listings import Listing, listings_of
from pipeline.engine.decisions.looked_up import LookedUp, looked_up
from pipeline.engine.decisions.outcome_words import tell
from pipeline.engine.decisions.verdicts import Verdicts, hold_outs
from pipeline.engine.definitions.release import Release


class Match(msgspec.Struct, gc=False, omit_defaults=True):
    """A rule that matched an event.

    Args:
        pattern: the rule's id.
        version: which text of it.
        action: that it asks for; '' if it asks for none.
        shadow: it is watched, and decided nothing.
        values: what it found, by name.
        events: (time in ms, key of the id) of the events of a sequence, the earliest first; left out for a rule on the event alone.
        entries: those that it puts on lists; none of a match in shadow.
        budget: how often the rule may match, of a match that acts; left out where the rule has none.
    """

    pattern: str
    version: str
    action: str
    shadow: bool
    values: Values
    events: Events = ()
    entries: list[Listing] = []
    budget: Budget | None = None


class HiddenMatch(msgspec.Struct, gc=False):
    """A match that an exception of its rule hid: it did nothing.

    Args:
        pattern, version: as in `Match`.
        exception: position among the rule's exceptions of the one that hid it, from 0.
    """

    pattern: str
    version: str
    exception: int


class Decision(msgspec.Struct, gc=False, omit_defaults=True):
    """A record of the topic ``decisions``. Times are milliseconds since the epoch; missing numbers are null.

    `decided_by` is one of `patterns.policy.DECIDERS`. `matches` holds the rule that decided, if one did, and 32 more at most, the
    weightiest first and those in shadow last; `match_count` counts those that are not named, too. Records from before lack `decided_by`
    and `match_count`, and have no match. `hidden` are the matches that exceptions hid, and `tags` the words that the named matches add;
    both are left out if there are none. `thresholds` are the learned thresholds of all rules that the event was compared with, by
    ``rule.threshold``; they are left out if there are none. `score` is that of the model, moved by the rules that adjust it.
    `rule_failures` is not of this event: by rule it says at how many events the stage met an error of the rule, and skipped it, since it
    last told; mostly it is left out.
    `revision` counts the corrections and the retraction of an event. `flags`: late; warming: no model gave a score, or the history
    does not reach back far enough; degraded: decided without an entity's answer; corrected; retracted; bypass: the action is not the
    score's. `event` holds the numeric fields of the event in major units: with `features` it is all that a learner needs.
    `dimensions` are the texts by which event metrics are counted.

    `scale` is that of the policy, and left out if it is raw. On the stable scale, `score` says that 1 - score of the events of a
    reference population scored higher, and warming also says that this is known of few events so far. `probability` is that of a
    positive label, in [0, 1]; `probability_interval` (lower and upper end, inclusive) holds it with 95 %. Both are left out on the
    raw scale, and while there are too few labels. `hold_out` is the probability with which the event passed, where it was drawn from those
    that would be blocked; it is left out of all others.
    """

    event_id: str
    revision: int
    event_time: int
    user: str
    entities: Any
    score: float
    action: str
    decided_by: str
    reasons: list[str]
    contributions: Any
    matches: list[Match]
    match_count: int
    event: Any
    dimensions: Any
    features: Any
    models: Any
    release: int
    flags: list[str]
    processed_at: int
    latency_ms: float
    scale: str = "raw"
    probability: float | None = None
    probability_interval: tuple[float, float] | None = None
    tags: list[str] = []
    hidden: list[HiddenMatch] = []
    thresholds: dict[str, LookedUp] = {}
    hold_out: float = 0.0
    rule_failures: dict[str, tuple[int, int]] = {}


class Reply(msgspec.Struct, omit_defaults=True):
    """The short form that the API process which waits is sent; `probability` and its interval are left out as in `Decision`.

    They are not remembered: what a duplicate is answered has none.
    """

    event_id: str
    revision: int
    score: float
    action: str
    reasons: list[str]
    flags: list[str]
    release: int
    probability: float | None = None
    probability_interval: tuple[float, float] | None = None


class ModelScore(msgspec.Struct, gc=False):
    """A model's raw score, and the number of the snapshot that gave it; a detector with a state for each entity has one on the stable scale
    alone.
    """

    score: float
    snapshot: int | None


def decisions_of(
    verdicts: Verdicts, batch: Batch, missing: NDArray[np.uint8], arrived_ms: NDArray[np.int64], processed_at_ms: float
) -> Iterator[Decision]:
    """A decision a row, each made when it is asked for, so that one at a time is in memory.

    Columns meet in C: no line of Python runs for a row. Those of events that get no new decision (`UNDECIDED`) mean nothing.

    Args:
        missing: 1 where an event was decided without an entity's answer.
        arrived_ms: when the broker had each event.
        processed_at_ms: now.
    """
    release = verdicts.release
    explanations = Explanations(verdicts, batch)
    kinds = list(batch.entities.values())
    scores = [map(ModelScore, raw.tolist(), _snapshots_of(verdicts, name)) for name, raw in verdicts.models.items()]
    numbers = (batch.numbers / release.schema.scales).tolist()
    reasons = explanations.reasons()
    if verdicts.any_are(RETRACTED):
        for row in np.flatnonzero(verdicts.are(RETRACTED)).tolist():
            reasons[row] = RETRACTED_REASONS
    return map(
        Decision,
        batch.ids,
        verdicts.revisions.tolist(),
        batch.times_ms.tolist(),
        batch.users,
        map(release.entity_shape, *kinds) if kinds else repeat({}),
        verdicts.scores.tolist(),
        map(ACTIONS.__getitem__, verdicts.actions.tolist()),
        map(DECIDERS.__getitem__, verdicts.deciders.tolist()),
        reasons,
        explanations.contributions(),
        matches_of(verdicts, batch),
        verdicts.matches.counts.tolist(),
        starmap(release.event_shape, numbers),
        _dimensions_of(release, batch),
        starmap(release.feature_shape, verdicts.features.tolist()),
        map(release.model_shape, *scores) if scores else repeat({}),
        repeat(release.id),
        map(_FLAG_NAMES.__getitem__, _flags_of(verdicts, missing).tolist()),
        repeat(int(processed_at_ms)),
        (processed_at_ms - arrived_ms).tolist(),
        repeat(release.policy.scale),
        *_probabilities(verdicts),
        _tags_of(verdicts),
        _hidden_of(verdicts),
        looked_up(verdicts),
        hold_outs(verdicts).tolist(),
    )


def _flags_of(verdicts: Verdicts, missing: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The flags [n] of a decision: those of the verdict, and what its event and its release add."""
    flags = np.empty(len(missing), np.int64)
    always = BYPASSED if verdicts.release.bypass.on else 0
    tell(verdicts.flags, verdicts.scores, for_kernel(missing, UINT8), WARMING, RETRACTED, DEGRADED, always, flags)
    return flags


def _probabilities(verdicts: Verdicts) -> tuple[Iterable[float | None], Iterable[tuple[float, float] | None]]:
    """The probability of each event and its interval."""
    if verdicts.release.policy.scale != "stable":
        return repeat(None), repeat(None)
    given = ~np.isnan(verdicts.calibrated[:, 0])
    if not np.count_nonzero(given):
        return repeat(None), repeat(None)
    each = [
        (row[0], (row[1], row[2])) if has else (None, None) for row, has in zip(verdicts.calibrated.tolist(), given.tolist(), strict=True)
    ]
    return [probability for probability, _ in each], [interval for _, interval in each]


def _snapshots_of(verdicts: Verdicts, model: str) -> Iterable[int | None]:
    snapshots = verdicts.snapshots.get(model)
    return repeat(None) if snapshots is None else snapshots.numbers()


def matches_of(verdicts: Verdicts, batch: Batch) -> Iterable[list[Match]]:
    """The rules that matched each event: rows without one, which most are, share one empty list."""
    found = verdicts.matches
    if not len(found.events):
        return repeat([], len(found.counts))
    lists: list[list[Match]] = [[]] * len(found.counts)
    each = verdicts.release.rules.each
    what = found.found
    for at, (event, rule, shadow) in enumerate(zip(found.events.tolist(), found.rules.tolist(), found.shadows.tolist(), strict=True)):
        of = each[rule]
        match = Match(of.pattern, of.version, of.action, shadow, what.values(at), what.events(at))
        if not shadow and (of.additions or of.budget is not None):
            match.budget = of.budget
            match.entries = listings_of(of.additions, batch, event, verdicts.release.schema, what.reason(at) if of.additions else "")
        lists[event] = [*lists[event], match]
    return lists


def _tags_of(verdicts: Verdicts) -> Iterable[list[str]]:
    """The tags of the matches of each event that act."""
    found, each = verdicts.matches, verdicts.release.rules.each
    if not len(found.events):
        return repeat([], len(found.counts))
    tags: dict[int, dict[str, None]] = {}
    for event, rule, shadow in zip(found.events.tolist(), found.rules.tolist(), found.shadows.tolist(), strict=True):
        if each[rule].tags and not shadow:
            tags.setdefault(event, {}).update(dict.fromkeys(each[rule].tags))
    lists: list[list[str]] = [[]] * len(found.counts)
    for event, words in tags.items():
        lists[event] = [*words]
    return lists


def _hidden_of(verdicts: Verdicts) -> Iterable[list[HiddenMatch]]:
    """The matches of each event that exceptions hid."""
    hidden, each = verdicts.matches.hidden, verdicts.release.rules.each
    if not len(hidden.events):
        return repeat([], len(verdicts.matches.counts))
    lists: list[list[HiddenMatch]] = [[] for _ in verdicts.matches.counts]
    for event, rule, exception in zip(*map(np.ndarray.tolist, hidden), strict=True):
        lists[event].append(HiddenMatch(each[rule].pattern, each[rule].version, exception))
    return lists


def _dimensions_of(release: Release, batch: Batch) -> Iterator[Any]:
    """A missing text is an empty one: whoever counts by it has no third value."""
    columns = [[text or "" for text in batch.texts[name]] for name in release.schema.dimensions]
    return map(release.dimension_shape, *columns) if columns else repeat({})


def reply_of(decision: Decision) -> Reply:
    """The short form of `decision`."""
    return Reply(
        decision.event_id,
        decision.revision,
        decision.score,
        decision.action,
        decision.reasons,
        decision.flags,
        decision.release,
        decision.probability,
        decision.probability_interval,
    )


def flag_names(flags: int) -> list[str]:
    """Flags in words, those that a decision or a reply may have."""
    return [word for bit, word in _WORDS.items() if flags & bit]


def fallback_flags(release: Release | None) -> list[str]:
    """Of an answer that the policy's fallback of `release` gives."""
    return ["degraded", "bypass"] if release is not None and release.bypass.on else ["degraded"]


DEGRADED = 1 << 10
"""Decided without an entity's answer; beside the flags of `Verdicts`."""

BYPASSED = 1 << 11
"""Decided while the bypass of the release was on."""

RETRACTED_REASONS = ["retracted"]

_WORDS = {LATE: "late", DUPLICATE: "duplicate", WARMING: "warming", DEGRADED: "degraded", CORRECTED: "corrected", RETRACTED: "retracted"}
_WORDS[BYPASSED] = "bypass"
_FLAG_NAMES = [flag_names(flags) for flags in range(2 * BYPASSED)]
