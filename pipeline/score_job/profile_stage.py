"""The entity and the user stage share how they take control records, barriers, labels and facts, and how events are run one by one."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, NamedTuple

from pipeline.control.definitions import Definitions
from pipeline.control.known_snapshots import KnownSnapshots
from pipeline.engine.definitions.release import Release
from pipeline.engine.scorer import Scorer
from pipeline.flink.state import KeyedProfiles
from pipeline.score_job.control_bundle import take_control
from pipeline.score_job.facts import facts_without_release, refused_fact, take_facts
from pipeline.score_job.labels import labels_without_release, refused_label, take_labels
from pipeline.score_job.refused_frames import Raised
from pipeline.score_job.undoable import UndoableBundles
from pipeline.wire.bundle import Bundle, read_bundle
from pipeline.wire.declaration import Kind


class _Told(NamedTuple):
    """Says what is done with bundles of what is told of entities beside their events."""

    take: Callable[[Bundle, Release, Scorer], bytes]
    without_release: Callable[[Bundle], bytes]
    refuse: Callable[[memoryview, Exception, str], bytes]


_TOLD: dict[str, _Told] = {
    Kind.LABELS: _Told(take_labels, labels_without_release, refused_label),
    Kind.FACTS: _Told(take_facts, facts_without_release, refused_fact),
}


class ProfileStage(ABC):
    """A stage that holds profiles; each stage adds what it does with bundles of its own kind.

    Args:
        profiles: the profiles over the keyed state that Flink holds for the operator.
        profiles_bytes_max: see `Scorer`.
        snapshots: see `Definitions`.
    """

    NAME: ClassVar[str]
    """The stage's name in dead letters."""

    def __init__(self, profiles: KeyedProfiles, profiles_bytes_max: int, snapshots: KnownSnapshots | None = None) -> None:
        self.definitions = Definitions(snapshots)
        self._scorer = Scorer(profiles, profiles_bytes_max)
        self._bundles = UndoableBundles(self._scorer, self._run, self._refuse)

    @abstractmethod
    def _release_of(self, bundle: Bundle) -> Release | None:
        """Returns the release under which a bundle of the stage's own kind is processed, or None if it cannot be had."""

    @abstractmethod
    def _own(self, bundle: Bundle, release: Release) -> bytes:
        """Returns the frames for a bundle of the stage's own kind."""

    @abstractmethod
    def _own_without_release(self, bundle: Bundle) -> bytes:
        """Returns the frames for a bundle of the stage's own kind for which no release can be had."""

    @abstractmethod
    def _refuse_own(self, bundle: Bundle, release: Release, raised: Raised) -> bytes:
        """Returns the frames for one record of the stage's own kind that raised an exception."""

    def process(self, data: bytes) -> bytes:
        """Returns the frames for one bundle."""
        bundle = read_bundle(data)
        if bundle.kind in (Kind.CONTROL, Kind.BARRIER):
            self._bundles.save()
            if bundle.kind == Kind.CONTROL:
                take_control(bundle, self.definitions)
            return b""
        told = _TOLD.get(bundle.kind)
        release = self.definitions.newest if told else self._release_of(bundle)
        if release is None:
            return told.without_release(bundle) if told else self._own_without_release(bundle)
        return self._bundles.process(data, bundle, release)

    def _run(self, bundle: Bundle, release: Release) -> bytes:
        told = _TOLD.get(bundle.kind)
        return told.take(bundle, release, self._scorer) if told else self._own(bundle, release)

    def _refuse(self, bundle: Bundle, release: Release, error: Exception, in_a_row: int) -> bytes:
        told = _TOLD.get(bundle.kind)
        if told:
            return told.refuse(bundle.bodies[0], error, self.NAME)
        return self._refuse_own(bundle, release, Raised(self.NAME, release, error, in_a_row))
