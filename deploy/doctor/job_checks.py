"""Whether the running system does the jobs that it is asked for."""

import contextlib

from deploy.machine.ports import is_open
from foundation.refusal import Refusal
from foundation.settings import Settings
from stores.decisions import StoreUnavailableError
from stores.jobs import Jobs
from stores.relational.database import Database
from stores.relational.jobs import RelationalJobs
from stores.relational.place import place_of

IDLE_MS_MAX = 60_000
"""A worker takes a job within a second if it has none, and renews its lease every few seconds."""
LOOKED_AT = 1_000


def job_problem(settings: Settings, now_ms: int) -> str:
    """Empty where jobs are done, where the system does not run here, or where its database does not answer, which another check says."""
    if not is_open(settings.api_port):
        return ""
    try:
        with contextlib.closing(Database(place_of(settings), owner=False)) as database:
            log = "side-jobs.log" if settings.runtime == "solo" else "worker.log"
            return undone(RelationalJobs(database), now_ms, log)
    except (Refusal, StoreUnavailableError):
        return ""


def undone(jobs: Jobs, now_ms: int, log: str = "worker.log") -> str:
    """Says which jobs nobody does at `now_ms`, and names the `log` of the worker; empty if there are none."""
    running = jobs.page(None, ("running",), None, LOOKED_AT)
    left = [job.id for job in running if (job.lease_until_ms or 0) < now_ms - IDLE_MS_MAX]
    waiting = [job.id for job in jobs.page(None, ("queued",), None, LOOKED_AT) if job.request.at_ms < now_ms - IDLE_MS_MAX]
    if left or (waiting and not running):
        oldest = min([*left, *waiting])
        return f"{len(left) + len(waiting)} jobs wait and no worker does them, the oldest is {oldest}; look at {log}"
    return ""
