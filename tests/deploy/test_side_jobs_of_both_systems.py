"""A side job runs in a system with a broker and in one without."""

from deploy.local.stack import SIDE_JOBS
from pipeline.solo.side_jobs import JOBS


def test_every_side_job_of_weir_up_is_one_of_weir_serve_too() -> None:
    assert SIDE_JOBS.keys() - JOBS.keys() == set(), "add them to JOBS of pipeline/solo/side_jobs.py"
