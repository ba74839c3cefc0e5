"""Explains by replay why a rule matched an event of some files or did not: what the engine knew then is known, because it decides again."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from features.expressions.functions.types import Type
from features.layout.layout import LATE
from features.schema.batch import Batch
from foundation.refusal import Refusal
from patterns.entries import Change
from patterns.language.pattern import Pattern
from patterns.rules.explaining.explanation import Why
from patterns.rules.explaining.seen_event import SeenEvent, names_asked
from patterns.rules.explaining.why import History as Seen
from patterns.rules.explaining.why import why
from patterns.rules.values.own_names import own_name
from patterns.rules.values.sight_values import ValueSource
from pipeline.engine.decisions.outcome_words import common_flags
from pipeline.engine.decisions.verdicts import REVISED, UNDECIDED, Verdicts
from pipeline.engine.definitions.release import Release
from pipeline.engine.event_keys import Labels
from pipeline.engine.fact_record import FactRecord
from pipeline.engine.steps.installed_snapshots import InstalledSnapshots
from pipeline.engine.steps.sight import sight_of
from pipeline.engine.steps.step import Step, Turn
from pipeline.engine.steps.step_list import steps_with
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import History
from pipeline.trial.rules_read import read_rule, scope_of

_RULES = "rules"


class Wanted(NamedTuple):
    """Names an event: by its id, and by its user where several users have it."""

    event_id: str
    user: str | None = None


def explain_recorded(
    release: Release,
    texts: Mapping[str, str],
    id: str,
    history: History,
    wanted: Wanted,
    labels: Labels | None = None,
    facts: Sequence[FactRecord] = (),
    entries: Sequence[Change] = (),
) -> Why:
    """Replays `history` up to an event, and says why the rule `id` matched it or did not, whatever its status is.

    Args:
        release: the definitions to decide by.
        texts: of these, by part.
        labels, facts, entries: as for `Replay`.

    Raises:
        Refusal: there is no such rule or event, several users have the event, or it gets no decision of its own.
    """
    pattern = read_rule(texts, id)
    types = scope_of(texts).names_at(release.schema.user).types
    row = _row_of(history.batch, wanted)
    watching = _Watching(release, pattern, types, history.batch, row)
    upto = History(history.batch.take(np.arange(row + 1)))
    for _ in Replay(release, upto, labels, facts=facts, entries=entries, steps=watching.steps).scored():
        pass
    if not watching.events or watching.events[-1].id != wanted.event_id:
        expected = "an event that gets a decision of its own"
        raise Refusal("event without a decision", where=f"event {wanted.event_id}", expected=expected, got="one that is late or repeated")
    kind = "" if pattern.sequence is None else f"{pattern.sequence.key} {watching.key}"
    return why(pattern, Seen(watching.events, kind), release.schema)


def _row_of(batch: Batch, wanted: Wanted) -> int:
    rows = [at for at, id in enumerate(batch.ids) if id == wanted.event_id and wanted.user in (None, batch.users[at])]
    users = dict.fromkeys(batch.users[row] for row in rows)
    if not rows:
        of_user = "" if wanted.user is None else f" of user {wanted.user}"
        raise Refusal("unknown event", where="EVENTS", expected=f"an event {wanted.event_id}{of_user}", got=f"{len(batch):,} others")
    if len(users) > 1:
        named = ", ".join(list(users)[:5])
        raise Refusal("event of several users", where="EVENTS", expected="one user's event", got=named, remedy="say whose: --user")
    return rows[0]


class _Watching:
    """Looks on behind the step of rules, and keeps what a rule reads of the events of one key.

    Attributes:
        key: whose events those are that are kept; without a sequence, the explained event alone.
        events: these, as they came.
    """

    name = "watching"
    reads: tuple[str, ...] = ("features", "flags", "models", "probabilities")
    fills: tuple[str, ...] = ()

    def __init__(self, release: Release, pattern: Pattern, types: Mapping[str, Type], batch: Batch, row: int) -> None:
        self._names = names_asked(pattern, types)
        self._rule = pattern.id
        self._source = ValueSource([own_name(pattern.id, name) for name in self._names], release.schema, release.features.names)
        self._kind = None if pattern.sequence is None else pattern.sequence.key
        self._id, self._user = batch.ids[row], batch.users[row]
        self.key = "" if self._kind is None else release.features.key(self._kind, batch)[row]
        self._of_user = self._kind in (None, release.schema.user)
        self._newest = (np.iinfo(np.int64).min, np.iinfo(np.int64).min)
        self.events: list[SeenEvent] = []

    def cost_ns(self, release: Release) -> float:
        """See `Step`."""
        return 0.0

    def steps(self, snapshots: InstalledSnapshots) -> list[Step]:
        """Returns the steps of a decision with this one among them."""
        usual = steps_with(snapshots)
        behind = [step.name for step in usual].index(_RULES) + 1
        return [*usual[:behind], self, *usual[behind:]]

    def run(self, turn: Turn, verdicts: Verdicts) -> None:
        """See `Step`."""
        rows = self._rows_of(turn.batch, verdicts)
        if not rows:
            return
        values = self._source.over(sight_of(turn, verdicts))
        columns = {name: values[own_name(self._rule, name)].spread(len(turn.batch)) for name in self._names}
        for row in rows:
            batch = turn.batch
            known = {name: column.item(row) for name, column in columns.items()}
            late = self._is_late(batch, row, bool(common_flags(verdicts.flags[row : row + 1]) & LATE))
            self.events.append(
                SeenEvent(batch.ids[row], batch.users[row], int(batch.times_ms[row]), int(batch.id_keys[row]), self._names, known, {}, late)
            )

    def _rows_of(self, batch: Batch, verdicts: Verdicts) -> list[int]:
        fresh = ~verdicts.are(UNDECIDED | REVISED)
        if self._kind is None:
            own = [row for row, id in enumerate(batch.ids) if id == self._id and batch.users[row] == self._user]
        else:
            own = [row for row, key in enumerate(verdicts.release.features.key(self._kind, batch)) if key == self.key]
        return [row for row in own if fresh[row]]

    def _is_late(self, batch: Batch, row: int, of_user: bool) -> bool:
        """Tells whether the key had a newer event before."""
        place = (int(batch.times_ms[row]), int(batch.orders[row]))
        late, self._newest = place < self._newest, max(place, self._newest)
        return of_user if self._of_user else late
