"""Finds the newest backtest of a rule's text among the jobs that are done."""

from typing import NamedTuple

import msgspec

from patterns.lifecycle.promotion import Measured
from pipeline.backtest.summary import Summary, measured_in
from pipeline.jobs.backtest_kind import BACKTEST
from stores.jobs import Jobs, StoredJob

PAGE = 200


class FoundBacktest(NamedTuple):
    """A backtest that tried the text, and what it measured of it."""

    job: StoredJob
    measured: Measured


def newest_backtest(jobs: Jobs, id: str, hash: str) -> FoundBacktest | None:
    """Returns the newest whole backtest of the text `hash` of the rule `id`; None if there is none whose result is still kept.

    A backtest that failed or was cancelled has no result, so it is never found.

    Raises:
        StoreUnavailableError: the store of jobs does not answer.
    """
    before = None
    while True:
        page = jobs.page(None, ("done",), before, PAGE)
        for job in page:
            if job.request.kind == BACKTEST.name and (measured := _measured(job, id, hash)) is not None:
                return FoundBacktest(job, measured)
        if len(page) < PAGE:
            return None
        before = page[-1].id


def _measured(job: StoredJob, id: str, hash: str) -> Measured | None:
    if job.result is None:
        return None
    try:
        return measured_in(msgspec.json.decode(job.result, type=Summary), id, hash)
    except msgspec.ValidationError:  # another version of this program made it
        return None
