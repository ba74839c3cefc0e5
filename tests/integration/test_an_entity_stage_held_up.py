"""An entity stage that stands still in arrival mode: events go on without its answers, and with them again afterwards."""

from planted_stages import HELD_BY
from score_job_runs import START_MS, Json, cancel, decided, decisions, prepared, produce_events, submitted_in_arrival_mode, wait_for

from pipeline.score_job.flink_job import STAGES

STAGES_THAT_CAN_BE_HELD_UP = (STAGES[0], "tests.integration.planted_stages:held_up", STAGES[2])
USERS, SHOPS = 10, 5
PART = 200
"""Events before, during and after the hold-up."""
SHOP_FEATURES = ("shop_count_1h", "shop_max_1h", "shop_risk")


def event(id: int, shop: str | None = None) -> Json:
    return {"id": id, "at": START_MS + 1_000 * id, "who": f"u{id % USERS}", "shop": shop or shop_of(id), "amount": 1 + id}


def test_events_are_decided_without_their_entities_and_with_them_again_when_the_stage_goes_on(broker: str, flink, tmp_path) -> None:
    flink.scale(1)
    settings = prepared(broker, flink, tmp_path, "held.", checkpoint_interval_ms=86_400_000, entity_wait_ms=3_000)
    job = submitted_in_arrival_mode(flink, settings, STAGES_THAT_CAN_BE_HELD_UP)
    lock = tmp_path / "held"
    lock.touch()
    # The first event of the second part holds the stage up; its own decision says that it does.
    parts = [range(PART), range(PART, PART + 1), range(PART + 1, 2 * PART), range(2 * PART, 3 * PART)]
    try:
        for part in parts:
            if part.start == 2 * PART:
                lock.unlink()
            produce_events(settings, [event(id, HELD_BY + str(lock)) if id == PART else event(id) for id in part])
            wait_for(lambda part=part: decided(settings) >= part.stop, 30, f"{part} is not decided")
    finally:
        lock.unlink(missing_ok=True)
    read = decisions(settings, 3 * PART)
    cancel(flink, job)
    decision = {int(each["event_id"]): each for each in read}
    assert len(read) == len(decision) == 3 * PART
    assert [id for id in decision if decision[id]["features"]["count_1h"] != id // USERS + 1] == []
    degraded = set(range(PART, 2 * PART))
    assert {id for id in decision if "degraded" in decision[id]["flags"]} == degraded
    assert all(decision[id]["features"][name] is None for id in degraded for name in SHOP_FEATURES)
    # Events of the hold-up count in their shops too: the stage has seen them all, only too late to answer.
    before = {shop: len([id for id in range(2 * PART) if shop_of(id) == shop]) for shop in map(shop_of, range(SHOPS))}
    counts = {id: decision[id]["features"]["shop_count_1h"] for id in range(2 * PART, 3 * PART)}
    assert [id for id, count in counts.items() if not before[shop_of(id)] < count <= id // SHOPS + 1] == []


def shop_of(id: int) -> str:
    return "that holds the stage up" if id == PART else f"s{id % SHOPS}"
