"""A side job in a thread of the test. For tests only."""

import threading

from pipeline.learning.label_job import LabelJob
from pipeline.learning.learn_job import LearnJob
from pipeline.sinks.deliver_job import DeliverJob


class Running:
    """A job in a thread, stopped as SIGTERM stops it."""

    def __init__(self, job: LearnJob | LabelJob | DeliverJob) -> None:
        self.job = job
        self._thread = threading.Thread(target=job.run)

    def __enter__(self) -> "Running":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.job.stop()
        self._thread.join(30)
        assert not self._thread.is_alive()
