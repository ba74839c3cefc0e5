"""Flink starts the score job again by itself: what was published meanwhile is in force before the first event."""

import pathlib

import pytest
from flink_servers import FlinkServers
from publishing import Publisher
from score_job_runs import START_MS, cancel, decided, decisions, prepared, produce_events, submitted, wait_for


@pytest.mark.long
def test_the_first_event_after_a_kill_is_decided_by_a_release_published_while_the_job_was_down(
    broker: str, flink: FlinkServers, tmp_path: pathlib.Path
) -> None:
    flink.scale(1)
    settings = prepared(broker, flink, tmp_path, "restart-by-flink.")
    job = submitted(flink, settings)
    produce_events(settings, [{"id": 1, "at": START_MS, "who": "u", "shop": "s", "amount": 1.5}])
    wait_for(lambda: decided(settings) >= 1, 120, "the event before the kill is not decided")
    kept = settings.path("flink", "checkpoints", "score", job)
    wait_for(lambda: any(kept.glob("chk-*/_metadata")), 60, "no checkpoint")
    flink.kill_task_managers()
    publisher = Publisher(settings)
    for number in range(2, 42):
        publisher.publish(number)
    sent = [{"id": id, "at": START_MS + id, "who": f"u{id}", "shop": "s", "amount": 1.5} for id in range(2, 50)]
    produce_events(settings, sent)
    flink.scale(1)
    releases: dict[object, object] = {}

    def all_decided() -> bool:
        for decision in decisions(settings, decided(settings)):
            releases.setdefault(decision["event_id"], decision["release"])
        return all(str(event["id"]) in releases for event in sent)

    wait_for(all_decided, 120, "the events after the kill are not decided")
    assert {releases[str(event["id"])] for event in sent} == {publisher.newest}
    cancel(flink, job)
