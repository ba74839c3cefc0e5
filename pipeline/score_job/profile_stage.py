"""The entity stage and the user stage share how they take control records, barriers and labels, and how events are run one by one."""

from abc import ABC, abstractmethod
from typing import ClassVar

from pipeline.control.definitions import Definitions
from pipeline.control.known_snapshots import KnownSnapshots
from pipeline.engine.release import Release
from pipeline.engine.scorer import Scorer
from pipeline.flink.state import KeyedProfiles
from pipeline.score_job.control_bundle import take_control
from pipeline.score_job.labels import labels_without_release, refused_label, take_labels
from pipeline.score_job.refused_frames import Raised
from pipeline.score_job.undoable import UndoableBundles
from pipeline.wire.bundle import Bundle, read_bundle
from pipeline.wire.declaration import Kind


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
        is_labels = bundle.kind == Kind.LABELS
        release = self.definitions.newest if is_labels else self._release_of(bundle)
        if release is None:
            return labels_without_release(bundle) if is_labels else self._own_without_release(bundle)
        return self._bundles.process(data, bundle, release)

    def _run(self, bundle: Bundle, release: Release) -> bytes:
        return take_labels(bundle, release, self._scorer) if bundle.kind == Kind.LABELS else self._own(bundle, release)

    def _refuse(self, bundle: Bundle, release: Release, error: Exception, in_a_row: int) -> bytes:
        if bundle.kind == Kind.LABELS:
            return refused_label(bundle.bodies[0], error, self.NAME)
        return self._refuse_own(bundle, release, Raised(self.NAME, release, error, in_a_row))
