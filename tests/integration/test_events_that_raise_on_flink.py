"""Events at which the user stage raises, in the job on Flink: they are dead letters, all others are decided, and nothing starts anew."""

from collections import Counter

import msgspec
import pytest
from score_job_runs import (
    START_MS,
    Json,
    cancel,
    decided,
    decisions,
    ends,
    prepared,
    produce_events,
    records,
    restarts,
    submitted_in_arrival_mode,
    wait_for,
)

from pipeline.score_job.flink_job import STAGES

COUNT, USERS, EVERY = 6_000, 150, 97
STAGES_THAT_RAISE = (*STAGES[:2], "tests.integration.planted_stages:raising")

pytestmark = pytest.mark.integration


def event(id: int) -> Json:
    amount = 666.66 if id % EVERY == 0 else id % 500 + 0.5
    return {"id": id, "at": START_MS + 50 * id, "who": f"u{id * 7919 % USERS}", "shop": f"s{id % 40}", "amount": amount}


def test_each_event_that_raises_is_a_dead_letter_and_no_other_sees_it(broker: str, flink, tmp_path) -> None:
    flink.scale(1)
    settings = prepared(broker, flink, tmp_path, "raising.")
    job = submitted_in_arrival_mode(flink, settings, STAGES_THAT_RAISE)
    events = [event(id) for id in range(COUNT)]
    raising = [id for id in range(COUNT) if id % EVERY == 0]
    produce_events(settings, events)
    wait_for(lambda: decided(settings) + sum(ends(settings, "dead-letters")) >= COUNT, 120, "events that went nowhere")
    seen: Counter[str] = Counter()
    found = {int(str(each["event_id"])): each for each in decisions(settings, decided(settings))}
    letters = [msgspec.json.decode(message.value() or b"") for message in records(settings, "dead-letters")]
    assert len(letters) == len(raising)
    assert {letter["reason"]["what"] for letter in letters} == {"raised"}
    assert all("ZeroDivisionError: planted" in letter["reason"]["got"] for letter in letters)
    assert sorted(found) == [id for id in range(COUNT) if id % EVERY]
    for id, each in sorted(found.items()):
        user = str(each["user"])
        seen[user] += 1
        assert each["features"]["count_1h"] == seen[user], id  # type: ignore[index, call-overload]
    assert restarts(flink, job) == 0
    cancel(flink, job)
