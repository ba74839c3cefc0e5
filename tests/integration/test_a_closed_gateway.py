"""While a job is submitted, the JVM in which it is built obeys the process that started it and nobody else."""

import ast
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest
from another_user import answers_to, as_another_user
from listening import is_of_this_machine_alone, listening

from deploy.servers.cluster import Cluster
from deploy.servers.flink_files import LOCAL_FILES

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")

PROGRAM = """
from pipeline.flink.flink_graph import remote_environment
environment = remote_environment({"execution.target": "remote"}, 1)
print("built", flush=True)
input()
print(environment._j_stream_execution_environment.getParallelism(), flush=True)
"""
ORDERS = (
    b"c\nz:java.lang.System\ngetProperties\ne\n",
    b"c\nz:java.lang.System\nsetProperty\nsowner\nsme\ne\n",
    b"A\nguessed\n",
    b"h\n\ne\n",
)
"""Of Py4J, both of Java and of Python: to call what is static, to log in, to say that one is there."""
REFUSED = b"!xsAuthentication error"
"""How the answer begins for whoever does not log in."""


@pytest.fixture
def building(tmp_path: pathlib.Path) -> Iterator["subprocess.Popen[str]"]:
    cluster = Cluster(tmp_path / "flink", tmp_path / "logs", 1, files=LOCAL_FILES)
    cluster.write_files()
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env=cluster.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "built\n"
        yield process
        process.kill()


def test_the_jvm_in_which_a_job_is_built_takes_no_orders_from_another_user(building: "subprocess.Popen[str]") -> None:
    places = listening([building.pid])
    assert len(places) == 2  # Java's and Python's
    assert all(map(is_of_this_machine_alone, places))
    answers = ast.literal_eval(as_another_user(answers_to, ORDERS, sorted(place.port for place in places)))
    assert answers  # it is Py4J that was asked
    assert [answer for *_, answer in answers if not answer.startswith(REFUSED)] == []
    assert building.stdin is not None
    assert building.stdout is not None
    print("", file=building.stdin, flush=True)
    assert building.stdout.readline() == "1\n"  # the owner's orders are taken still
