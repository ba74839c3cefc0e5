"""The kinds of jobs of the program, of which a backtest waits for as long as the system's folder has the file `HELD`. For tests only."""

import time

import msgspec

from pipeline.jobs.backtest_kind import BACKTEST, BacktestParameters
from pipeline.jobs.job_kind import JobContext, JobResult
from pipeline.jobs.kinds import KINDS as OF_THE_PROGRAM

HELD = "backtests-are-held"


def wait(parameters: BacktestParameters, context: JobContext) -> JobResult:
    """Neither reports nor stops when it is asked to, and then does what a backtest does."""
    while context.settings.path(HELD).exists():
        time.sleep(0.05)
    return BACKTEST.run(parameters, context)


KINDS = OF_THE_PROGRAM | {BACKTEST.name: msgspec.structs.replace(BACKTEST, run=wait)}
