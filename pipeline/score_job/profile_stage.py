"""The entity and the user stage share how they take control records, barriers, labels and facts, and how events are run one by one."""

import functools
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Generic, NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.snapshot import Snapshot
from pipeline.control.definitions import Definitions
from pipeline.control.known_snapshots import Held, KnownSnapshots
from pipeline.control.rebuilding import Rebuilding, begun, rebuilding, takes_long
from pipeline.engine.decisions.absence_record import absence_record
from pipeline.engine.definitions.release import Release
from pipeline.engine.scorer import Scorer
from pipeline.flink.state import KeyedProfiles
from pipeline.score_job.awaited_models import AwaitedModels
from pipeline.score_job.control_bundle import take_control
from pipeline.score_job.facts import facts_without_release, refused_fact, take_facts
from pipeline.score_job.handed_on import Events, Frame, Messages
from pipeline.score_job.labels import labels_without_release, refused_label, take_labels
from pipeline.score_job.refused_frames import Raised
from pipeline.score_job.undoable import Again, Outputs, UndoableBundles
from pipeline.wire.bundle import Bundle, read_bundle
from pipeline.wire.declaration import Kind, Tag

log = logging.getLogger(__name__)

_encode = msgspec.json.Encoder().encode


class _Told(NamedTuple):
    """Says what is done with bundles of what is told of entities beside their events."""

    take: Callable[[Bundle, Release, Scorer], list[Frame]]
    without_release: Callable[[Bundle], list[Frame]]
    refuse: Callable[[memoryview, Exception, str], list[Frame]]


_TOLD: dict[str, _Told] = {
    Kind.LABELS: _Told(take_labels, labels_without_release, refused_label),
    Kind.FACTS: _Told(take_facts, facts_without_release, refused_fact),
}


Columns = TypeVar("Columns", bound=Messages | Events)
"""What bundles of a stage's own kind are in one process."""


class ProfileStage(ABC, Generic[Columns]):
    """A stage that holds profiles; each stage adds what it does with bundles of its own kind.

    Bundles come as bytes to `process`, which gives bytes, or as objects to `take`; all that happens in between is the same.

    Args:
        profiles: the profiles over the keyed state that Flink holds for the operator.
        profiles_bytes_max: see `Scorer`.
        snapshots: those that the stage uses; see `Definitions`.
    """

    NAME: ClassVar[str]
    """The stage's name in dead letters."""

    def __init__(self, profiles: KeyedProfiles, profiles_bytes_max: int, snapshots: KnownSnapshots) -> None:
        self.snapshots = snapshots
        self.definitions = Definitions(snapshots)
        self.definitions.watch(self._install)
        self._scorer = Scorer(profiles, profiles_bytes_max)
        self._equipped: Release | None = None
        self._awaited = AwaitedModels()
        self._bundles = UndoableBundles(self._scorer, self._run, self._refuse)

    @abstractmethod
    def _release_of(self, bundle: Bundle | Columns) -> Release | None:
        """Returns the release under which a bundle of the stage's own kind is processed, or None if it cannot be had."""

    @abstractmethod
    def _own(self, bundle: Bundle | Columns, release: Release) -> Outputs:
        """Returns what comes of a bundle of the stage's own kind."""

    @abstractmethod
    def _own_without_release(self, bundle: Bundle | Columns) -> Outputs:
        """Returns what comes of a bundle of the stage's own kind for which no release can be had."""

    @abstractmethod
    def _refuse_own(self, bundle: Bundle | Columns, release: Release, raised: Raised) -> Outputs:
        """Returns what comes of one record of the stage's own kind that raised an exception."""

    @abstractmethod
    def _encoded(self, outputs: Outputs) -> bytes:
        """Returns the bytes of what comes of a bundle."""

    def process(self, data: bytes) -> bytes:
        """Returns the frames for one bundle."""
        return self._encoded(self._take(read_bundle(data), Again(functools.partial(read_bundle, data), len(data))))

    def take(self, bundle: Bundle | Columns) -> Outputs:
        """Returns what comes of one bundle."""
        return self._take(bundle, Again(lambda: bundle, bundle.size_bytes))

    def _take(self, bundle: Bundle | Columns, again: Again) -> Outputs:
        if bundle.kind != Kind.CONTROL:
            self.definitions.begun()
        if isinstance(bundle, Bundle):
            if bundle.kind in (Kind.CONTROL, Kind.BARRIER):
                self._bundles.save()
                if bundle.kind == Kind.CONTROL:
                    take_control(bundle, self.definitions)
                return []
            told = _TOLD.get(bundle.kind)
            if told is not None:
                newest = self.definitions.newest
                return [*told.without_release(bundle)] if newest is None else self._bundles.process(bundle, newest, again)
        release = self._release_of(bundle)
        return self._own_without_release(bundle) if release is None else self._bundles.process(bundle, release, again)

    def _install(self) -> None:
        self._scorer.retain({(held.snapshot.key, held.snapshot.sequence) for held in self.snapshots.each()})
        self._equipped = None
        if self.definitions.newest is not None:
            self._equip(self.definitions.newest)

    def _equip(self, release: Release) -> None:
        """Installs the snapshots for the models and thresholds of `release`: events may carry another one than that in force."""
        if release is self._equipped:
            return
        self._awaited.clear()
        for held in self.snapshots.each():
            model = self._rebuilding(held.snapshot, release)
            if model is None or model.done():
                self._put(held, release, model)
            else:
                self._awaited.add(held, model)
        self._equipped = release

    def _rebuilding(self, snapshot: Snapshot, release: Release) -> Rebuilding | None:
        """Returns what rebuilds the model of a snapshot beside the stream; None if it is made here, or is there.

        Before the first event all are made here, and so they are where the order of a log says what counts; see `KnownReleases.deferring`.
        """
        if not takes_long(snapshot) or not self._scorer.lacks(snapshot, release):
            return None
        return rebuilding(snapshot) if self.definitions.releases.deferring else begun(snapshot)

    def _put_awaited(self, positions: NDArray[np.int64], release: Release) -> None:
        """Installs the models that are there by now, and those that events with these `positions` are scored by."""
        for held, model in self._awaited.taken(positions):
            self._put(held, release, model)

    def _put(self, held: Held, release: Release, model: Rebuilding | None) -> None:
        since, snapshot = held
        try:
            self._scorer.install(snapshot, release, since, None if model is None else model.result(hurry=True))
        except Exception as error:  # whatever a snapshot holds: the one before stays
            log.error("snapshot %d of %s is not in force: %s", snapshot.sequence, snapshot.model, error)

    def _run(self, bundle: Bundle | Columns, release: Release) -> Outputs:
        told = _TOLD.get(bundle.kind)
        if told is not None and isinstance(bundle, Bundle):
            return [*told.take(bundle, release, self._scorer)]
        return [*self._own(bundle, release), *self._alerts(release)]

    @property
    def first_deadline_ms(self) -> int | None:
        """The earliest event time after which `pass_time` has something to say; None where nobody waits."""
        return self._scorer.first_deadline_ms

    def pass_time(self, now_ms: int) -> Outputs:
        """Returns the absences that have come true because event time has come to `now_ms`, and all events before it have been taken."""
        newest, first_ms = self.definitions.newest, self.first_deadline_ms
        if newest is None or first_ms is None or first_ms >= now_ms:
            return []
        self._scorer.pass_time(newest, now_ms)
        self._bundles.save()  # what is told is not to be told again
        return self._alerts(newest)

    def pass_time_encoded(self, now_ms: int) -> bytes:
        """Returns the frames of what `pass_time` gives."""
        return self._encoded(self.pass_time(now_ms))

    def _alerts(self, release: Release) -> Outputs:
        return [(Tag.ALERT, each.key, _encode(absence_record(each, release.id))) for each in self._scorer.take_absences()]

    def _refuse(self, bundle: Bundle | Columns, release: Release, error: Exception, in_a_row: int) -> Outputs:
        told = _TOLD.get(bundle.kind)
        if told is not None and isinstance(bundle, Bundle):
            return [*told.refuse(bundle.bodies[0], error, self.NAME)]
        return self._refuse_own(bundle, release, Raised(self.NAME, release, error, in_a_row))
