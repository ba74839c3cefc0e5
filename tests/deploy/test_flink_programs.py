import pathlib
import re
import subprocess
import sys

import pytest

from deploy.servers.cluster import Cluster
from deploy.servers.flink_programs import JobManagerMemory, TaskManagerMemory

CODE = "import sys, pyflink.fn_execution; print(sorted(name for name in sys.modules if name.startswith('apache_beam.')))"


def test_python_of_flink_loads_no_beam(tmp_path: pathlib.Path) -> None:
    environment = Cluster(tmp_path, tmp_path / "logs", port=1).environment()
    run = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=False)
    assert run.stdout == "[]\n", run.stderr


@pytest.mark.parametrize("background", [False, True])
def test_java_is_given_the_sizes_that_flink_is_told(background: bool) -> None:
    memory = TaskManagerMemory(task_heap=384)
    given = " ".join(memory.options(background))
    told = [int(size) for size in re.findall(r"'size': '(\d+)m'", str({name: memory.settings()[name] for name in ("framework", "task")}))]
    framework_heap, framework_off_heap, task_heap, task_off_heap = told
    assert f"-Xmx{framework_heap + task_heap}m" in given
    assert f"-Xms{framework_heap + task_heap}m" in given
    network = int(str(memory.settings()["network"]["max"]).removesuffix("m"))
    assert f"-XX:MaxDirectMemorySize={framework_off_heap + task_off_heap + network}m" in given
    assert f"-XX:MaxMetaspaceSize={memory.settings()['jvm-metaspace']['size']}" in given


def test_a_job_manager_has_the_heap_that_flink_is_told() -> None:
    memory = JobManagerMemory()
    assert f"-Xmx{memory.settings()['heap']['size']}" in memory.options()
