"""Defines a step of the engine: it reads columns of a batch and fills others."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from features.profiles.profiles import Profiles
from features.schema.batch import Batch
from patterns.absences import Absence
from patterns.known_entries import KnownEntries
from pipeline.engine.decisions.answers import Answers
from pipeline.engine.decisions.verdicts import Verdicts
from pipeline.engine.definitions.release import Release


@dataclass(slots=True)
class Turn:
    """Holds what every step may look at: the events of one batch and the profiles of their users.

    Args:
        batch: n events, none of them twice where one is a correction of the other (see `pipeline.engine.decisions.revisions.turns`).
        profiles: those of the primary entity.
        slots: [n] of each event's user in `profiles`.
        answers: what the events' other entities say.
        snapshots: [n] the moment up to which snapshots count for each event, see `InstalledSnapshots.of`; None where the newest count.
        lists: the entries of lists that are known.
        absences: gets the trailing absences of users that have come true.
    """

    batch: Batch
    profiles: Profiles
    slots: NDArray[np.int64]
    answers: Answers
    snapshots: NDArray[np.int64] | None = None
    lists: KnownEntries | None = None
    absences: list[Absence] = field(default_factory=list)

    def facts(self, release: Release) -> dict[str, NDArray[np.float64]]:
        """Returns the facts of the users and of their entities as they hold at the events, [n] by path."""
        declared = release.schema.facts_of(release.features.kinds[0])
        if not declared:
            return self.answers.facts
        own = self.profiles.facts.read(self.slots, self.batch.times_ms)
        return self.answers.facts | {fact.path: own[:, at] for at, fact in enumerate(declared)}


class Step(Protocol):
    """A step of the engine. It has no branch for another step: it reads what another step fills into a column.

    `reads` and `fills` name columns of `Verdicts`: those that must be filled before the step runs, and those that it changes. All other
    columns stay as they are.
    """

    name: str
    reads: tuple[str, ...]
    fills: tuple[str, ...]

    def cost_ns(self, release: Release) -> float:
        """Returns about how many nanoseconds of CPU an event costs in a batch of hundreds, within a factor of two."""
        ...

    def run(self, turn: Turn, verdicts: Verdicts) -> None:
        """Fills the columns of `verdicts` for all events of `turn`."""
        ...
