"""The Flink cluster of the local stack: one class path, replaceable TaskManagers, checkpoints found by age."""

import os
import pathlib
import time
from collections.abc import Callable

import pytest

from deploy.machine.ports import free_ports
from deploy.machine.processes import Processes
from deploy.servers.cluster import Cluster


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.long
def test_a_killed_task_manager_is_noticed_and_can_be_replaced(tmp_path: pathlib.Path) -> None:
    cluster = Cluster(tmp_path, tmp_path / "logs", free_ports(1)[0], jars=[])

    def task_managers() -> int:
        return (cluster.overview() or {}).get("taskmanagers", -1)

    with Processes() as processes:
        processes.add(cluster.start_job_manager())
        assert task_managers() == 0
        first = processes.add(cluster.start_task_manager(1))
        assert task_managers() == 1
        first.kill()
        processes.forget(first)
        wait_for(lambda: task_managers() == 0)
        processes.add(cluster.start_task_manager(2))
        assert task_managers() == 1
    assert cluster.overview() is None


def test_the_class_path_holds_python_support_connector_and_job(tmp_path: pathlib.Path) -> None:
    job = tmp_path / "job.jar"
    job.touch()
    cluster = Cluster(tmp_path / "flink", tmp_path / "logs", free_ports(1)[0], jars=[job])
    with Processes() as processes:
        processes.add(cluster.launch_job_manager())
        names = [jar.name for jar in cluster.class_path]
    for start in ("flink-dist", "flink-python", "flink-sql-connector-kafka", "job"):
        assert sum(name.startswith(start) for name in names) == 1, start


def test_the_newest_complete_checkpoint_of_a_job_is_found(tmp_path: pathlib.Path) -> None:
    cluster = Cluster(tmp_path, tmp_path / "logs", port=1)
    assert cluster.newest_checkpoint("score") is None
    for age, name in enumerate(["metrics/c/chk-11", "score/a/chk-9", "score/b/chk-2", "score/a/chk-10"]):
        metadata = cluster.checkpoints / name / "_metadata"
        metadata.parent.mkdir(parents=True)
        metadata.touch()
        os.utime(metadata, (1_000 - age, 1_000 - age))
    (cluster.checkpoints / "score" / "b" / "chk-3").mkdir()
    assert cluster.newest_checkpoint("score") == cluster.checkpoints / "score" / "a" / "chk-10"  # whatever the clock said
