"""Finds the newest backtests of rules' texts among the jobs that are done."""

from collections.abc import Mapping
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


def newest_backtests(jobs: Jobs, hashes: Mapping[str, str]) -> dict[str, FoundBacktest]:
    """Returns the newest whole backtest of the text of each rule, by its id; one that has none whose result is still kept is left out.

    A backtest that failed or was cancelled has no result, so it is never found.

    Args:
        hashes: of the rules' texts, by id.

    Raises:
        StoreUnavailableError: the store of jobs does not answer.
    """
    found: dict[str, FoundBacktest] = {}
    before = None
    while hashes.keys() - found.keys():
        page = jobs.page(None, ("done",), before, PAGE)
        for job in page:
            if job.request.kind == BACKTEST.name:
                found = _measured(job, hashes) | found
        if len(page) < PAGE:
            break
        before = page[-1].id
    return found


def _measured(job: StoredJob, hashes: Mapping[str, str]) -> dict[str, FoundBacktest]:
    """What one backtest measured of the texts of these rules."""
    if job.result is None:
        return {}
    try:
        summary = msgspec.json.decode(job.result, type=Summary)
    except msgspec.ValidationError:  # another version of this program made it
        return {}
    measured = {id: measured_in(summary, id, hash) for id, hash in hashes.items()}
    return {id: FoundBacktest(job, each) for id, each in measured.items() if each is not None}
