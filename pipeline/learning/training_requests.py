"""Asks for a training whenever a boosted model's time to be fitted anew has come, by event time; while something drifts that is sooner."""

import hashlib
import logging
from collections.abc import Mapping

import msgspec

from pipeline.comparison.drift import LABEL_RATE
from pipeline.engine.definitions.model import Model
from pipeline.engine.definitions.release import Release
from stores.decisions import StoreUnavailableError
from stores.jobs import JobRequest, Jobs, QueueBounds, QueueFullError, new_job_id
from stores.trained_models import REASON_CHARACTERS_MAX

log = logging.getLogger(__name__)

KIND = "train"
SYSTEM = "system"


class TrainingRequests:
    """Asks once for each multiple of a model's cadence: a request is known by its models and their multiples, also after a restart.

    Args:
        jobs: the store of jobs.
        bounds: how many jobs may wait.
    """

    def __init__(self, jobs: Jobs, bounds: QueueBounds) -> None:
        self._jobs = jobs
        self._bounds = bounds
        self._asked_to_ms: dict[str, int] = {}

    def ask_if_due(self, release: Release, clock_ms: int, now_ms: int, drifting: Mapping[str, str]) -> None:
        """Asks for one training of all models of `release` if one has reached a multiple of its cadence that is later than its last one.

        Args:
            clock_ms: the greatest event time seen, ms since the epoch.
            now_ms: clock time, ms since the epoch.
            drifting: words for what drifts, by subject, see `pipeline.comparison.drift.Drift`.
        """
        due: dict[str, int] = {}
        reasons = []
        for model in release.models:
            if model.boosted is not None:
                cadence_ms, reason = _cadence_of(model, drifting)
                multiple_ms = clock_ms // cadence_ms * cadence_ms
                if multiple_ms > self._asked_to_ms.setdefault(model.definition, clock_ms):
                    due[model.definition] = multiple_ms
                    reasons.append(f"{model.name}: {reason}")
        if due and self._ask(due, "; ".join(reasons)[:REASON_CHARACTERS_MAX], now_ms):
            self._asked_to_ms.update(due)

    def _ask(self, due: Mapping[str, int], reason: str, now_ms: int) -> bool:
        stamp = " ".join(f"{definition}/{multiple_ms}" for definition, multiple_ms in due.items())
        key = "retrain " + hashlib.sha256(stamp.encode()).hexdigest()[:32]
        request = JobRequest(KIND, msgspec.json.encode({"reason": reason}).decode(), SYSTEM, now_ms, key)
        try:
            job = self._jobs.add(new_job_id(now_ms), request, self._bounds)
        except (StoreUnavailableError, QueueFullError) as error:
            log.warning("a training is due, and it is asked for again: %s", error)
            return False
        log.info("job %s trains the boosted models anew, %s", job.id, reason)
        return True


def _cadence_of(model: Model, drifting: Mapping[str, str]) -> tuple[int, str]:
    """The event time between two fits at present, and why a fit is due after it, in words."""
    assert model.boosted is not None
    seen = [drifting[name] for name in (*model.inputs, f"model.{model.name}", LABEL_RATE) if name in drifting]
    if seen and model.boosted.retrain_on_drift_ms:
        return model.boosted.retrain_on_drift_ms, ", ".join(seen)
    return model.boosted.retrain_ms, "its time to be fitted anew has come"
