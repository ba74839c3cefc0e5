"""A program that runs the alerts job until it is killed: ``killed_alerts.py SETTINGS alone|beside RECORDS``.

It runs alone, or beside all other side jobs of a solo system in their process. Its settings are JSON, its waits are short, and it takes
so many records at once.
"""

import functools
import json
import sys

from alerts.webhooks import breaker, tenure
from foundation.settings import Settings
from pipeline.alerting import alerts_job, delivering
from pipeline.control import one_reader
from pipeline.control.job_program import write_log
from pipeline.solo.side_jobs import SideJobs

WAITS = ", ".join(["20ms"] * 20)
SETTINGS = {"webhook_networks": "127.0.0.0/8", "webhook_plain": "accept", "webhook_timeout_ms": 2_000, "webhook_waits": WAITS}
LEASE_S = 1.0

if __name__ == "__main__":
    write_log()
    alerts_job.PACE_SECONDS, alerts_job.CONTROL_SECONDS, one_reader.STAND_BY_SECONDS = 0.02, 0.1, 0.5
    alerts_job.RECORDS_AT_ONCE = int(sys.argv[3])
    tenure.RENEW_S, tenure.WATCH_S = 0.3, 0.1
    breaker.OPEN_MS_LEAST = 50
    alerts_job.Delivering = functools.partial(delivering.Delivering, lease_s=LEASE_S)  # type: ignore[misc]
    settings = Settings(**json.loads(sys.argv[1]) | SETTINGS)
    if sys.argv[2] == "alone":
        alerts_job.make(settings).run()
    else:
        SideJobs(settings).run()
