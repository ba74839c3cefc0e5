"""Asking a cluster that is not there which jobs it runs."""

import pytest

from deploy.ports import free_ports
from features.refusal import Refusal
from pipeline.jobs import running_jobs


def test_a_cluster_that_does_not_answer_is_refused_and_not_taken_for_an_empty_one() -> None:
    [port] = free_ports(1)
    with pytest.raises(Refusal, match="Flink does not answer"):
        running_jobs(port)
