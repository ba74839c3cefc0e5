"""Asks for a training whenever a boosted model's time to be fitted anew has come, by event time."""

import hashlib
import logging

from pipeline.engine.definitions.release import Release
from stores.decisions import StoreUnavailableError
from stores.jobs import JobRequest, Jobs, QueueBounds, QueueFullError, new_job_id

log = logging.getLogger(__name__)

KIND = "train"
SYSTEM = "system"


class TrainingRequests:
    """Asks once for each multiple of a model's `retrain`: a request is known by its models and their periods, also after a restart.

    Args:
        jobs: the store of jobs.
        bounds: how many jobs may wait.
    """

    def __init__(self, jobs: Jobs, bounds: QueueBounds) -> None:
        self._jobs = jobs
        self._bounds = bounds
        self._asked: set[str] = set()
        self._began: dict[str, int] = {}

    def ask_if_due(self, release: Release, clock_ms: int, now_ms: int) -> None:
        """Asks for one training of all models of `release` if one of them has reached its next period since it was first seen.

        Args:
            clock_ms: the greatest event time seen, ms since the epoch.
            now_ms: clock time, ms since the epoch.
        """
        due = []
        for model in release.models:
            if model.boosted is not None:
                period = clock_ms // model.boosted.retrain_ms
                if period > self._began.setdefault(model.definition, period):
                    due.append(f"{model.definition}/{period}")
        key = "retrain " + hashlib.sha256(" ".join(due).encode()).hexdigest()[:32]
        if due and key not in self._asked:
            self._ask(key, now_ms)

    def _ask(self, key: str, now_ms: int) -> None:
        try:
            job = self._jobs.add(new_job_id(now_ms), JobRequest(KIND, "{}", SYSTEM, now_ms, key), self._bounds)
        except (StoreUnavailableError, QueueFullError) as error:
            log.warning("a training is due, and it is asked for again: %s", error)
            return
        self._asked.add(key)
        log.info("job %s trains the boosted models anew", job.id)
