"""The archive job on a real broker and cluster, into HDFS: what was sent is read back, each record once."""

import pytest
from archive_runs import ALL, Run, first_of_each, kept, kept_decisions, killed_in_mid_stream, sent
from score_job_runs import prepared

from deploy.servers.hdfs import Hdfs
from stores.archive.archive_rows import Kind


@pytest.fixture(scope="module")
def run(broker: str, flink, hdfs: Hdfs, tmp_path_factory: pytest.TempPathFactory) -> Run:
    flink.scale(1)
    folder = tmp_path_factory.mktemp("archive")
    settings = prepared(broker, flink, folder, "kept.", archive_interval_ms=1_000, archive_url=f"{hdfs.url}/weir/archive")
    return killed_in_mid_stream(flink, settings)


@pytest.mark.parametrize("kind", ["events", "labels", "control", "models"])
def test_records_are_there_byte_for_byte_each_once(run: Run, kind: Kind) -> None:
    assert kept(run.archive, kind) == sent(run.settings, kind)


def test_the_first_decision_of_each_event_is_there_once(run: Run) -> None:
    found, first = kept_decisions(run.archive), first_of_each(run.decisions)
    assert len(found) == len(first) == ALL
    assert {each["event_id"]: each for each in found} == first


def test_features_are_columns_as_they_were_served(run: Run) -> None:
    served = {each["event_id"]: each["features"] for each in run.decisions}
    for table in run.archive.read("decisions"):
        for event_id, features in zip(table["event_id"].to_pylist(), table["features"].to_pylist(), strict=True):
            assert dict(features) == served[event_id]
