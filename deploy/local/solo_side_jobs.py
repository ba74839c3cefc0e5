"""``python -m deploy.local.solo_side_jobs`` runs all that a solo system does beside its decisions: the side jobs and the worker of jobs.

They are threads of one process, because each process of its own would load the same libraries again.
"""

from foundation.settings import Settings
from pipeline.control.job_program import run_job
from pipeline.jobs import worker
from pipeline.solo.side_jobs import JOBS, SideJobs


def make(settings: Settings) -> SideJobs:
    """The jobs of the system that `settings` name.

    Raises:
        Refusal: see `SideJobs`.
    """
    return SideJobs(settings, {**JOBS, "worker": worker.make})


if __name__ == "__main__":
    run_job(make)
