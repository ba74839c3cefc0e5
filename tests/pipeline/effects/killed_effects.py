"""A program that runs the effects job of a solo system until it is killed: ``killed_effects.py FOLDER``. It does not wait between batches.

Of two such programs one alone can write to the log of the side jobs, so that the other leaves it the alerts.
"""

import sys

from foundation.settings import Settings
from pipeline.control import one_reader
from pipeline.control.job_program import write_log
from pipeline.effects import effects_job

if __name__ == "__main__":
    write_log()
    effects_job.PACE_SECONDS, one_reader.STAND_BY_SECONDS, effects_job.SEND_SECONDS = 0.01, 0.2, 0.2
    effects_job.RECORDS_AT_ONCE = 20
    effects_job.make(Settings(runtime="solo", folder=sys.argv[1])).run()
