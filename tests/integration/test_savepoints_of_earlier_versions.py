"""State that an earlier version of the score job saved: today's job goes on from it as that version would have."""

import pathlib
from typing import Any

import pytest
from saved_job import TOPICS, Recorded, go_on, read_recorded, write
from score_job_runs import Json, cancel, ends, submitted

from deploy.servers.topics import make_topics
from foundation.settings import Settings

SAVEPOINTS = pathlib.Path(__file__).parent / "savepoints"
"""Each folder holds what Flink wrote, and what was recorded; `make_savepoint.py` writes such a folder."""


def settings_of(broker: str, flink: Any, folder: pathlib.Path, name: str, recorded: Recorded) -> Settings:
    """A system on topics as they were when the job was saved: the offsets in the savepoint are those of its topics."""
    keys = str(flink.cluster.keys)
    settings = Settings(
        bootstrap=broker,
        topic_prefix=f"{name}.",
        folder=str(folder),
        flink_port=flink.cluster.port,
        flink_keys=keys,
        checkpoint_interval_ms=1_000,
        partitions=1,
        entity_wait_ms=20_000,
    )
    make_topics(settings)
    for topic in TOPICS:
        write(settings, topic, recorded.topics[topic])
    (folder / "logs").mkdir()
    return settings


def of_then(said: Json, earlier: Json) -> Json:
    """What both versions say: later ones may say more, and give their reasons in other words."""
    assert len(said["reasons"]) == len(earlier["reasons"])
    return {name: value for name, value in said.items() if name in earlier} | {"reasons": earlier["reasons"]}


@pytest.mark.parametrize("name", sorted(path.name for path in SAVEPOINTS.iterdir()))
def test_a_job_goes_on_from_an_earlier_versions_savepoint_as_that_version_did(name: str, broker: str, flink: Any, tmp_path) -> None:
    flink.scale(1)
    recorded = read_recorded(SAVEPOINTS / name)
    settings = settings_of(broker, flink, tmp_path, name, recorded)
    job = submitted(flink, settings, SAVEPOINTS / name)
    decisions, replies = go_on(settings, recorded.labels, recorded.events, sum(ends(settings, "decisions")))
    cancel(flink, job)
    for found, before in ((decisions, recorded.decisions), (replies, recorded.replies)):
        assert len(found) == len(before)
        for each, earlier in zip(found, before, strict=True):
            assert of_then(each, earlier) == earlier
