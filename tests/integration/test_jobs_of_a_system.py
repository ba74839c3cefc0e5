"""Jobs on a running system without a broker: what is asked for over HTTP is done by the worker, whatever happens to it meanwhile.

The worker of such a system is a thread of the process of the side jobs.
"""

import contextlib
import os
import pathlib
import signal
import time
from collections.abc import Callable, Iterator

import pyarrow.parquet
import pytest
from score_job_runs import wait_for
from solo_folder import archived_offsets
from weir_up import children_of

from api.auth.token import read_token
from api.client.client import Client
from deploy.command import SAMPLES
from deploy.demo.payments import Town
from deploy.local.solo_stack import SoloStack
from deploy.machine.ports import free_ports
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.jobs.attempt import LEASE_MS
from pipeline.jobs.result_folder import FOLDER
from pipeline.jobs.worker import DAY_MS, Worker
from pipeline.training.export_command import export_served
from stores.relational.database import Database
from stores.relational.jobs import RelationalJobs
from stores.relational.place import place_of

PAYMENTS = 500


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoloStack]:
    folder = str(tmp_path_factory.mktemp("system"))
    settings = Settings(runtime="solo", folder=folder, api_port=free_ports(1)[0], archive_interval_ms=500)
    with SoloStack(settings, SAMPLES / "payments", print) as made:
        yield made


@pytest.fixture(scope="module")
def client(running: SoloStack) -> Iterator[Client]:
    """Of a system that has decided on some payments, and is sent no more."""
    with Client(f"http://{running.settings.api_address()}", read_token(running.settings), 240.0) as client:
        feed(client)
        yield client


def feed(client: Client) -> None:
    town = Town(1, customers=50, terminals=20, first_id=time.time_ns() // 1000)
    payments = [town.payment(int(time.time() * 1000)) for _ in range(PAYMENTS)]
    for payment in payments:
        client.send(payment.encode())
    wait_for(lambda: all(client.decision(payment.payment_id) for payment in payments), 120, "payments without a decision")


def ended(running: SoloStack, client: Client, id: str) -> str:
    """How the job ended."""

    def has_ended() -> bool:
        running.keep_running()
        return client.jobs.get(id).state not in ("queued", "running")

    wait_for(has_ended, 180, f"job {id} does not end")
    return client.jobs.get(id).state


@contextlib.contextmanager
def held_up(running: SoloStack) -> Iterator[int]:
    """The process of the job that runs now, which stands still until the block ends; gives its id."""
    worker = running.process("side-jobs").pid
    wait_for(lambda: children_of(worker), 60, "no job begins")
    [child] = children_of(worker)
    os.kill(child, signal.SIGSTOP)
    try:
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGCONT)


def is_archived(running: SoloStack) -> bool:
    """Whether the archive holds all that was decided; only then is a job worth its process."""
    running.keep_running()
    return all(len(archived_offsets(running.settings, kind)) == PAYMENTS for kind in ("events", "decisions"))


def files(running: SoloStack) -> list[str]:
    folder = running.settings.path(FOLDER)
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def sweep(running: SoloStack, clock: Callable[[], float] = time.time) -> None:
    """Does what a worker does each minute."""
    with contextlib.closing(Database(place_of(running.settings))) as database:
        Worker(running.settings, RelationalJobs(database), {}, clock=clock).sweep()


def test_a_rule_is_tried_on_what_the_running_system_has_archived(running: SoloStack, client: Client) -> None:
    text = "title: Any payment\nowner: team\nseverity: low\nwhen: event.amount > 0.0\nthen: {action: block}\n"

    wait_for(lambda: is_archived(running), 120, "events are not archived")
    job = client.jobs.wait(client.jobs.backtest({"any": text}).id, seconds_max=600)
    assert job.state == "done", job.problem
    found = job.result
    assert found is not None
    assert found["span"]["events"] == PAYMENTS
    assert [(rule["id"], rule["role"], rule["matches"]) for rule in found["rules"]] == [("any", "candidate", PAYMENTS)]
    assert sum(flip["events"] for flip in found["flips"] if flip["to"] == "block") == sum(flip["events"] for flip in found["flips"])
    assert "any" not in [rule.id for rule in client.patterns.all().patterns]


def test_an_export_by_a_job_is_that_of_the_command(running: SoloStack, client: Client, tmp_path: pathlib.Path) -> None:
    job = client.jobs.wait(client.jobs.export().id, seconds_max=600)
    assert job.state == "done", job.problem
    client.jobs.download(job.id, tmp_path / "job.parquet")
    export_served(running.settings, tmp_path / "command.parquet", None, None, overwrite=False)
    by_job, by_command = (pyarrow.parquet.read_table(tmp_path / f"{name}.parquet") for name in ("job", "command"))
    assert by_job.equals(by_command)
    assert len(by_job) == PAYMENTS
    assert job.result is not None
    assert (job.result["rows"], job.result["columns"]) == by_job.shape
    assert job.progress.unit == "records"


@pytest.mark.long
def test_an_export_of_a_span_has_its_events_only(running: SoloStack, client: Client, tmp_path: pathlib.Path) -> None:
    job = client.jobs.wait(client.jobs.export(to=1).id, seconds_max=600)
    assert job.state == "done", job.problem
    assert job.result is not None
    assert job.result["rows"] == 0


def test_a_job_whose_worker_is_killed_is_done_once_by_the_next(running: SoloStack, client: Client) -> None:
    id = client.jobs.export().id
    with held_up(running) as child:
        running.process("side-jobs").kill()
        wait_for(lambda: not pathlib.Path("/proc", str(child)).exists(), 60, "the job outlives its worker")
        began = time.monotonic()
    assert client.jobs.get(id).state == "running"
    assert ended(running, client, id) == "done"
    assert time.monotonic() - began >= LEASE_MS / 2_000
    assert client.jobs.get(id).attempt == 2
    sweep(running)
    assert [name for name in files(running) if name.startswith(id)] == [f"{id}-2"], "the first attempt leaves its files"


@pytest.mark.long
def test_a_job_whose_worker_is_asked_to_end_is_queued_at_once(running: SoloStack, client: Client) -> None:
    id = client.jobs.export().id
    with held_up(running):
        os.killpg(running.process("side-jobs").pid, signal.SIGTERM)
        wait_for(lambda: not running.process("side-jobs").running(), 60, "the worker does not end")
    assert client.jobs.get(id).state == "queued"
    assert ended(running, client, id) == "done"
    assert client.jobs.get(id).attempt == 2


def test_a_cancelled_job_stops_and_leaves_nothing(running: SoloStack, client: Client) -> None:
    id = client.jobs.export().id
    with held_up(running) as child:
        assert client.jobs.cancel(id).cancel_asked
        assert ended(running, client, id) == "cancelled"
        assert not pathlib.Path("/proc", str(child)).exists()
    assert [name for name in files(running) if name.startswith(id)] == []


@pytest.mark.long
def test_decisions_go_on_while_a_job_runs_with_the_lowest_priority(running: SoloStack, client: Client) -> None:
    id = client.jobs.export().id
    with held_up(running) as child:
        wait_for(lambda: os.getpriority(os.PRIO_PROCESS, child) == 19, 10, "the job has not the lowest priority")  # its parent gives it
        assert os.getpriority(os.PRIO_PROCESS, running.process("side-jobs").pid) < 19
    assert ended(running, client, id) == "done"


@pytest.mark.long
def test_a_result_expires(running: SoloStack, client: Client, tmp_path: pathlib.Path) -> None:
    id = client.jobs.wait(client.jobs.export().id, seconds_max=600).id
    later = time.time() + running.settings.job_results_kept_days * DAY_MS / 1_000 + 1
    sweep(running, clock=lambda: later)
    assert files(running) == []
    assert client.jobs.get(id).state == "expired"
    with pytest.raises(Refusal, match="410"):
        client.jobs.download(id, tmp_path / "late.parquet")


def test_garbage_is_refused_at_the_door(client: Client) -> None:
    with pytest.raises(Refusal, match="from: bad time"):
        client.jobs.export("yesterday")
    with pytest.raises(Refusal, match="speed"):
        client.jobs.start("exports", {"speed": 9})
