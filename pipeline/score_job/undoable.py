"""Runs bundles over profiles so that one that raises leaves nothing behind, and a record that raises costs itself alone.

Profiles change in place, and under load they are written to Flink's state only before a checkpoint. So the bundles since the last
write are kept as they came. When one raises, all profiles in memory are forgotten, the kept bundles are run again over what the
state holds, and the one that raised is run in halves, each of which is written at once. This costs nothing while nothing raises.
"""

import logging
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from pipeline.engine.definitions.release import Release
from pipeline.engine.isolation import NOBODYS_FAULT, one_by_one
from pipeline.engine.scorer import Scorer
from pipeline.score_job.handed_on import Answered, Frame
from pipeline.wire.declaration import Kind

log = logging.getLogger(__name__)

BYTES_MAX = 33_554_432
"""So many bytes of bundles are kept; beyond them what the bundles changed is written."""

_NO_EVENTS = (Kind.LABELS, Kind.FACTS)

Outputs = list[Frame | Answered]


class Work(Protocol):
    """A bundle of records, whatever form it has."""

    @property
    def kind(self) -> Kind:
        """What the records are."""
        ...

    @property
    def n(self) -> int:
        """How many records."""
        ...

    def part(self, first: int, end: int) -> "Work":
        """The records from `first` up to `end`, which is left out."""
        ...


Run = Callable[[Any, Release], Outputs]
Refuse = Callable[[Any, Release, Exception, int], Outputs]
"""Returns what a bundle of one record gives that raised, as the last of so many events in a row under its release."""


class Again(NamedTuple):
    """Gives a bundle once more, and says how many bytes it takes to keep until then."""

    bundle: Callable[[], Work]
    bytes: int


class UndoableBundles:
    """Runs bundles of events, messages, labels or facts, and undoes those that raise.

    Args:
        scorer: its profiles change. Only bundles that are given to `process` may change them.
        run: returns what comes of a bundle. It must return the same whenever the same bundles ran before.
        refuse: returns what comes of a record that cannot be processed.
    """

    def __init__(self, scorer: Scorer, run: Run, refuse: Refuse) -> None:
        self._scorer = scorer
        self._run = run
        self._refuse = refuse
        self._unwritten: list[Again] = []
        self._bytes = 0
        self._release: Release | None = None
        self._raised_in_a_row = 0

    def process(self, bundle: Work, release: Release, again: Again) -> Outputs:
        """Returns what comes of `bundle` under `release`; `again` gives the same bundle."""
        if release is not self._release:
            self.save()  # all bundles that are kept are of one release
            self._release, self._raised_in_a_row = release, 0
        try:
            outputs = self._run(bundle, release)
        except NOBODYS_FAULT:
            raise
        except Exception as error:
            log.warning("a bundle of %d records is taken in halves: %s: %s", bundle.n, type(error).__name__, error)
            return self._in_halves(bundle, release)
        self._passed(bundle)
        if self._scorer.keep(bundle.n):
            self._unwritten.append(again)
            self._bytes += again.bytes
            if self._bytes > BYTES_MAX:
                self.save()
        else:
            self._written()
        return outputs

    def save(self) -> None:
        """Writes all that the state lacks. It is called before a checkpoint, and before anything changes what a bundle means."""
        self._scorer.save()
        self._written()

    def _passed(self, part: Work) -> None:
        if part.kind not in _NO_EVENTS:  # a release is judged by events alone
            self._raised_in_a_row = 0

    def _written(self) -> None:
        self._unwritten.clear()
        self._bytes = 0

    def _in_halves(self, bundle: Work, release: Release) -> Outputs:
        self._scorer.forget()
        for again in self._unwritten:
            self._run(again.bundle(), release)
        self.save()
        parts = one_by_one(
            range(bundle.n),
            lambda rows: self._part(bundle.part(rows[0], rows[-1] + 1), release),
            self._scorer.forget,
            lambda row, error: self._one(bundle.part(row, row + 1), release, error),
        )
        return [output for part in parts for output in part]

    def _part(self, part: Work, release: Release) -> Outputs:
        outputs = self._run(part, release)
        self.save()
        self._passed(part)
        return outputs

    def _one(self, part: Work, release: Release, error: Exception) -> Outputs:
        self._raised_in_a_row += part.kind not in _NO_EVENTS
        log.error("a record is set aside, for processing it raised an exception", exc_info=error)
        return self._refuse(part, release, error, self._raised_in_a_row)
