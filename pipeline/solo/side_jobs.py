"""The side jobs of a solo system run beside each other, each in a thread of one process beside that of the API."""

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

from foundation.settings import Settings
from pipeline.alerting import alerts_job
from pipeline.control.job_program import Job
from pipeline.effects import effects_job
from pipeline.flink.garbage import UNHURRIED_OBJECTS, settle_garbage
from pipeline.learning import learn_job
from pipeline.learning.label_job import LabelJob
from pipeline.log.log_folder import LOGS, SIDE, close_writer, writer_of
from pipeline.sinks.decision_store import open_decisions, open_decisions_reader
from pipeline.sinks.deliver_job import DeliverJob
from pipeline.solo.archive_job import SoloArchiveJob
from pipeline.solo.keeping import Keeping
from pipeline.solo.metrics_job import SoloMetricsJob

log = logging.getLogger(__name__)

JOBS: Mapping[str, Callable[[Settings], Job]] = {
    "deliver": lambda settings: DeliverJob(settings, open_decisions(settings)),
    "label": lambda settings: LabelJob(settings, open_decisions_reader(settings)),
    "learn": learn_job.make,
    "effects": effects_job.make,
    "alerts": alerts_job.make,
    "metrics": SoloMetricsJob,
    "archive": SoloArchiveJob,
    "keeping": Keeping,
}


class SideJobs:
    """Runs all jobs; when one of them ends by an exception all end, and whoever watches the process starts it again.

    Args:
        settings: of the system.
        jobs: what makes each job, by its name.

    Raises:
        Refusal: another process runs the side jobs of this system, or a store cannot be opened.
    """

    def __init__(self, settings: Settings, jobs: Mapping[str, Callable[[Settings], Job]] = JOBS) -> None:
        self._folder = settings.path(*LOGS)
        writer_of(self._folder, SIDE)
        self._jobs = {name: make(settings) for name, make in jobs.items()}
        self._stopping = threading.Event()

    def run(self) -> None:
        """Returns once `stop` was called and each job has done what it was about.

        Raises:
            Exception: what ended one of the jobs.
        """
        settle_garbage(UNHURRIED_OBJECTS)
        with ThreadPoolExecutor(len(self._jobs), "side-job") as threads:
            runs = {threads.submit(job.run): name for name, job in self._jobs.items()}
            done, _ = wait(runs, return_when=FIRST_COMPLETED)
            if not self._stopping.is_set():
                log.error("the %s job has ended, and all others end with it", ", ".join(runs[each] for each in done))
            self.stop()
        close_writer(self._folder, SIDE)
        for each in runs:
            each.result()

    def stop(self) -> None:
        """Ends `run`; it may be called from a signal handler."""
        self._stopping.set()
        for job in self._jobs.values():
            job.stop()
