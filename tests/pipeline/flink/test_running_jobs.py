"""Asking a cluster that is not there which jobs it runs."""

import pathlib

import pytest

from deploy.machine.ports import free_ports
from foundation.refusal import Refusal
from pipeline.flink.flink_rest import FlinkRest
from pipeline.flink.jobs import running_jobs


def test_a_cluster_that_does_not_answer_is_refused_and_not_taken_for_an_empty_one(tmp_path: pathlib.Path) -> None:
    [port] = free_ports(1)
    with pytest.raises(Refusal, match="Flink does not answer"):
        running_jobs(FlinkRest(port, tmp_path))
