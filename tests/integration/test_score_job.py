import pathlib
import random

import msgspec
import pytest
from parity import NOTHING, Parity, by_id
from score_job_runs import START_MS, TEXTS, cancel, decided, decisions, produce_events, submitted, wait_for

EVENTS = 6_000
MANY = 40_000


def payments(seed: int, count: int = EVENTS) -> list[dict[str, object]]:
    """In order of (time, id); some times are equal, some events have no shop."""
    draw = random.Random(seed)
    at, events = START_MS, []
    for id in range(count):
        at += draw.choice((0, 1, 500, 9_000))
        shop = f"s{draw.randrange(40)}" if draw.random() < 0.9 else None
        events.append({"id": id, "at": at, "who": f"u{draw.randrange(300)}", "shop": shop, "amount": draw.randrange(1, 99_999) / 100})
    return events


def positives(events: list[dict[str, object]]) -> list[tuple[dict[str, object], int]]:
    """Every 37th event, with the time its label is known at."""
    return [(event, int(event["at"]) + 3_600_000 + 1_000 * int(event["id"])) for event in events[::37]]


OF_SHOPS = "- {name: of_shop, model: anomaly.GaussianScorer, scope: shop, inputs: [event.amount], parameters: {grace_period: 3}}\n"
PARITY = Parity(TEXTS | {"models": TEXTS["models"] + OF_SHOPS}, payments(2))


@pytest.fixture(scope="module", params=[pytest.param(1, marks=pytest.mark.long), 2])
def served(request, broker: str, flink, tmp_path_factory) -> tuple[dict[str, dict[str, object]], list[dict[str, object]]]:
    """Decisions of the score job over a backlog, by event id, and those of replay."""
    flink.scale(request.param)
    folder = tmp_path_factory.mktemp(f"parity-{request.param}")
    events = payments(1)
    replayed = PARITY.replayed(events, positives(events), folder)
    settings = PARITY.fed(broker, flink, folder, f"parity{request.param}.", request.param, events, replayed)
    job = submitted(flink, settings)
    streamed = by_id(decisions(settings, EVENTS))
    cancel(flink, job)  # its slots are the next test's
    return streamed, replayed.decisions


def test_the_score_job_decides_as_replay_does_bit_for_bit(served) -> None:
    streamed, expected = served
    assert len(streamed) == len(expected) == EVENTS
    assert PARITY.differences(streamed, expected) == []


def test_labels_were_seen_on_the_way(served) -> None:
    streamed, _ = served
    assert any(decision["features"]["shop_risk"] for decision in streamed.values())


def test_a_planted_error_of_one_cent_is_noticed(served, tmp_path: pathlib.Path) -> None:
    streamed, _ = served
    events = payments(1)
    events[EVENTS // 2]["amount"] = float(events[EVENTS // 2]["amount"]) + 0.01
    planted = PARITY.replayed(events, positives(events), tmp_path)
    assert PARITY.differences(streamed, planted.decisions) != []


def test_a_kill_and_a_resume_at_another_parallelism_lose_nothing_and_count_nothing_twice(broker: str, flink, tmp_path) -> None:
    flink.scale(2)
    events = payments(3, MANY)
    replayed = PARITY.replayed(events, positives(events), tmp_path)
    settings = PARITY.fed(broker, flink, tmp_path, "killed.", 1, events, replayed)
    job = submitted(flink, settings)
    wait_for(lambda: decided(settings) > MANY // 20, 60, "no decisions before the kill")
    killed_at = decided(settings)
    flink.kill_task_managers()
    flink.scale(2)
    wait_for(lambda: decided(settings) > killed_at + MANY // 20, 90, "no decisions after the kill")
    cancel(flink, job)
    assert killed_at < MANY, "the kill came after the end"
    checkpoints = sorted(
        settings.path("flink", "checkpoints", "score", job).glob("chk-*/_metadata"), key=lambda path: path.stat().st_mtime_ns
    )
    again = submitted(flink, msgspec.structs.replace(settings, parallelism=2), checkpoints[-1].parent)
    streamed: dict[str, dict[str, object]] = {}

    def every_event_is_decided() -> bool:
        if decided(settings) < MANY:
            return False
        streamed.update(by_id(decisions(settings, decided(settings))))
        return len(streamed) == MANY

    wait_for(every_event_is_decided, 120, "events without a decision")
    cancel(flink, again)
    assert PARITY.differences(streamed, replayed.decisions) == []


@pytest.mark.long
def test_two_events_of_one_user_a_millisecond_apart_keep_their_order_and_see_each_other(broker: str, flink, tmp_path) -> None:
    flink.scale(2)
    settings = PARITY.fed(broker, flink, tmp_path, "pairs.", 2, [], NOTHING)
    job = submitted(flink, settings)
    pairs = 1_000
    events = [
        {"id": 2 * pair + second, "at": START_MS + 50 * pair + second, "who": f"p{pair}", "shop": f"s{pair % 7 + 10 * second}", "amount": 1}
        for pair in range(pairs)
        for second in (0, 1)
    ]
    produce_events(settings, events)
    read = decisions(settings, 2 * pairs)
    cancel(flink, job)
    places = {decision["event_id"]: place for place, decision in enumerate(read)}
    counts = {decision["event_id"]: decision["features"]["count_1h"] for decision in read}
    assert len(counts) == len(read) == 2 * pairs
    for pair in range(pairs):
        first, second = str(2 * pair), str(2 * pair + 1)
        assert places[first] < places[second]
        assert (counts[first], counts[second]) == (1.0, 2.0)
