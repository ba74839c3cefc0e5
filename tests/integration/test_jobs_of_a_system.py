"""Jobs on the running system: what is asked for over HTTP is done by the worker, whatever happens to it meanwhile."""

import contextlib
import os
import pathlib
import signal
import time
from collections.abc import Iterator

import pyarrow.parquet
import pytest
from confluent_kafka import Producer
from score_job_runs import wait_for
from weir_up import children_of

from api.auth.token import read_token
from api.client.client import Client
from deploy.demo.payments import Town
from deploy.local.stack import Stack
from foundation.refusal import Refusal
from pipeline.control.kafka_access import connection_of
from pipeline.jobs.attempt import LEASE_MS
from pipeline.jobs.result_folder import FOLDER
from pipeline.jobs.worker import DAY_MS, Worker
from pipeline.offline.export_command import export_served
from stores.relational.database import Database
from stores.relational.jobs import RelationalJobs
from stores.relational.place import place_of

PAYMENTS = 500


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[Client]:
    """Of a system that has decided on some payments, and is sent no more."""
    with Client(f"http://127.0.0.1:{stack.settings.api_port}", read_token(stack.settings)) as client:
        feed(stack, client)
        yield client


def feed(stack: Stack, client: Client) -> None:
    town = Town(1, customers=50, terminals=20, first_id=time.time_ns() // 1000)
    producer = Producer({**connection_of(stack.settings), "acks": "all"})
    payments = [town.payment(int(time.time() * 1000)) for _ in range(PAYMENTS)]
    for payment in payments:
        producer.produce(stack.settings.topic("events"), payment.encode(), payment.customer_id)
    assert producer.flush(30) == 0
    wait_for(lambda: all(client.decision(payment.payment_id) for payment in payments), 120, "payments without a decision")


def ended(stack: Stack, client: Client, id: str) -> str:
    """How the job ended."""

    def has_ended() -> bool:
        stack.keep_running()
        return client.jobs.get(id).state not in ("queued", "running")

    wait_for(has_ended, 180, f"job {id} does not end")
    return client.jobs.get(id).state


@contextlib.contextmanager
def held_up(stack: Stack) -> Iterator[int]:
    """The process of the job that runs now, which stands still until the block ends; gives its id."""
    worker = stack.process("worker").pid
    wait_for(lambda: children_of(worker), 60, "no job begins")
    [child] = children_of(worker)
    os.kill(child, signal.SIGSTOP)
    try:
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGCONT)


def files(stack: Stack) -> list[str]:
    folder = stack.settings.path(FOLDER)
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_an_export_by_a_job_is_that_of_the_command(stack: Stack, client: Client, tmp_path: pathlib.Path) -> None:
    job = client.jobs.wait(client.jobs.export().id, seconds_max=180)
    assert job.state == "done", job.problem
    client.jobs.download(job.id, tmp_path / "job.parquet")
    export_served(stack.settings, tmp_path / "command.parquet", None, None, overwrite=False)
    by_job, by_command = (pyarrow.parquet.read_table(tmp_path / f"{name}.parquet") for name in ("job", "command"))
    assert by_job.equals(by_command)
    assert len(by_job) >= PAYMENTS
    assert job.result is not None
    assert (job.result["rows"], job.result["columns"]) == by_job.shape
    assert job.progress.unit == "records"


def test_an_export_of_a_span_has_its_events_only(stack: Stack, client: Client, tmp_path: pathlib.Path) -> None:
    job = client.jobs.wait(client.jobs.export(to=1).id, seconds_max=180)
    assert job.state == "done", job.problem
    assert job.result is not None
    assert job.result["rows"] == 0


def test_a_job_whose_worker_is_killed_is_done_once_by_the_next(stack: Stack, client: Client) -> None:
    id = client.jobs.export().id
    with held_up(stack) as child:
        stack.process("worker").kill()
        wait_for(lambda: not pathlib.Path("/proc", str(child)).exists(), 60, "the job outlives its worker")
        began = time.monotonic()
    assert client.jobs.get(id).state == "running"
    assert ended(stack, client, id) == "done"
    assert time.monotonic() - began >= LEASE_MS / 2_000
    assert client.jobs.get(id).attempt == 2
    wait_for(lambda: [name for name in files(stack) if name.startswith(id)] == [f"{id}-2"], 120, "the first attempt leaves its files")


def test_a_job_whose_worker_is_asked_to_end_is_queued_at_once(stack: Stack, client: Client) -> None:
    id = client.jobs.export().id
    with held_up(stack):
        os.killpg(stack.process("worker").pid, signal.SIGTERM)
        wait_for(lambda: not stack.process("worker").running(), 60, "the worker does not end")
    assert client.jobs.get(id).state == "queued"
    assert ended(stack, client, id) == "done"
    assert client.jobs.get(id).attempt == 2


def test_a_cancelled_job_stops_and_leaves_nothing(stack: Stack, client: Client) -> None:
    id = client.jobs.export().id
    with held_up(stack) as child:
        assert client.jobs.cancel(id).cancel_asked
        assert ended(stack, client, id) == "cancelled"
        assert not pathlib.Path("/proc", str(child)).exists()
    assert [name for name in files(stack) if name.startswith(id)] == []


def test_decisions_go_on_while_a_job_runs_with_the_lowest_priority(stack: Stack, client: Client) -> None:
    id = client.jobs.export().id
    with held_up(stack) as child:
        wait_for(lambda: os.getpriority(os.PRIO_PROCESS, child) == 19, 10, "the job has not the lowest priority")  # its parent gives it
        assert os.getpriority(os.PRIO_PROCESS, stack.process("worker").pid) == 10
    assert ended(stack, client, id) == "done"


def test_a_result_expires(stack: Stack, client: Client, tmp_path: pathlib.Path) -> None:
    id = client.jobs.wait(client.jobs.export().id, seconds_max=180).id
    later = time.time() + stack.settings.job_results_kept_days * DAY_MS / 1_000 + 1
    with contextlib.closing(Database(place_of(stack.settings))) as database:
        Worker(stack.settings, RelationalJobs(database), {}, clock=lambda: later).sweep()
    assert files(stack) == []
    assert client.jobs.get(id).state == "expired"
    with pytest.raises(Refusal, match="410"):
        client.jobs.download(id, tmp_path / "late.parquet")


def test_garbage_is_refused_at_the_door(client: Client) -> None:
    with pytest.raises(Refusal, match="from: bad time"):
        client.jobs.export("yesterday")
    with pytest.raises(Refusal, match="speed"):
        client.jobs.start("exports", {"speed": 9})
