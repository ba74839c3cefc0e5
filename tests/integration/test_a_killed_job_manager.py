"""The JobManager is killed beside jobs that deliver: all go on from their checkpoints, and each store is told of every event once."""

import time
from collections.abc import Callable, Iterator

import pytest
from full_system import FullSystem
from score_job_runs import decided, produce, wait_for

from deploy.command import SAMPLES
from deploy.demo.payments import Town
from deploy.local.releases import read_folder
from deploy.local.stack import Stack, free_settings
from pipeline.flink.flink_rest import rest_of
from pipeline.flink.jobs import running_jobs

pytestmark = pytest.mark.system


class Paid(FullSystem):
    """A system, and how many payments it was sent."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack)
        self._town = Town(11, customers=40, terminals=8)
        self.began_ms = int(time.time() * 1000)
        self.sent = 0

    def send(self, count: int) -> None:
        some = [self._town.payment(int(time.time() * 1000)) for _ in range(count)]
        produce(self.settings, "events", [(payment.customer_id, payment.encode()) for payment in some])
        self.sent += count

    def counted_in_metrics(self) -> int:
        return sum(self.counted_since(self.began_ms, "action").values())

    def jobs(self) -> dict[str, str]:
        """Ids by name of the jobs that have not ended."""
        return running_jobs(rest_of(self.settings))

    def task_managers_of(self, job: str) -> set[str]:
        """The resource ids that the tasks of `job` run on."""
        found = self.stack.cluster.get(f"/jobs/{self.jobs()[job]}")
        assert isinstance(found, dict)
        vertices = [self.stack.cluster.get(f"/jobs/{found['jid']}/vertices/{vertex['id']}") for vertex in found["vertices"]]
        return {task["taskmanager-id"] for vertex in vertices for task in vertex["subtasks"]}


@pytest.fixture(scope="module")
def paid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paid]:
    chosen = {"checkpoint_interval_ms": 2_000, "metrics_interval_ms": 2_000, "archive_interval_ms": 2_000}
    settings = free_settings(tmp_path_factory.mktemp("killed"), **chosen)
    with Stack(settings, read_folder(SAMPLES / "payments"), print) as stack:
        paid = Paid(stack)
        yield paid
        paid.close()


@pytest.mark.long
def test_after_a_killed_job_manager_all_jobs_go_on_and_nothing_is_lost_or_counted_twice(paid: Paid) -> None:
    paid.send(300)
    wait_for(lambda: paid.counted_in_metrics() == paid.sent and paid.rows_archived("decisions") == paid.sent, 120, "before the kill")
    paid.stack.process("job-manager").kill()
    paid.send(200)
    paid.stack.keep_running()

    def in_time(condition: Callable[[], bool], what: str) -> None:
        def holds() -> bool:
            paid.stack.keep_running()
            return condition()

        wait_for(holds, 120, what)

    in_time(lambda: decided(paid.settings) >= paid.sent, "payments without a decision")
    in_time(lambda: sorted(paid.jobs()) == ["weir-archive", "weir-metrics", "weir-score"], "a job that does not run")
    in_time(lambda: paid.counted_in_metrics() == paid.sent, "payments that are not in the metrics once")
    in_time(lambda: paid.rows_archived("decisions") == paid.rows_archived("events") == paid.sent, "not in the archive once")
    [place] = paid.task_managers_of("weir-score")
    assert place.startswith("task-manager-1-")
    assert not paid.task_managers_of("weir-metrics") & {place}
