"""Jobs on a system without a broker: an export is read from its own log."""

import pathlib
import time

import pyarrow.parquet
from score_job_runs import wait_for

from api.auth.token import read_token
from api.client.client import Client
from deploy.command import SAMPLES
from deploy.demo.payments import Town
from deploy.local.solo_stack import SoloStack
from deploy.machine.ports import free_ports
from foundation.settings import Settings
from pipeline.offline.export_command import export_served

PAYMENTS = 100


def test_an_export_by_a_job_of_a_system_without_a_broker_is_that_of_the_command(tmp_path: pathlib.Path) -> None:
    settings = Settings(runtime="solo", folder=str(tmp_path / "system"), api_port=free_ports(1)[0])
    town = Town(1, customers=10, terminals=5)
    with SoloStack(settings, SAMPLES / "payments", print), Client(f"http://{settings.api_address()}", read_token(settings)) as client:
        payments = [town.payment(int(time.time() * 1000)) for _ in range(PAYMENTS)]
        for payment in payments:
            client.send(payment.encode())
        wait_for(lambda: all(client.decision(payment.payment_id) for payment in payments), 120, "payments without a decision")
        job = client.jobs.wait(client.jobs.export().id, seconds_max=180)
        assert job.state == "done", job.problem
        client.jobs.download(job.id, tmp_path / "job.parquet")
        export_served(settings, tmp_path / "command.parquet", None, None, overwrite=False)
    by_job, by_command = (pyarrow.parquet.read_table(tmp_path / f"{name}.parquet") for name in ("job", "command"))
    assert by_job.equals(by_command)
    assert len(by_job) == PAYMENTS
