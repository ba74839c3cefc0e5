import msgspec
import pytest
from imitation import DictState, Imitation

from pipeline.engine import profile_store as profiles
from pipeline.wire.bulk_state import unpack_keys

TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [shop]
fields: {amount: {type: decimal, scale: 2, retain: true}}
""",
    "features": """
- {name: sum_1h, template: sum, value: event.amount, window: 1h}
- {name: shop_count_1h, template: count, entity: shop, window: 1h}
""",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}",
    "policy": "{score: first_ready(own), bands: [{action: approve}], fallback: {action: review}}",
}
START_MS = 1_700_000_000_000


class CountingState(DictState):
    """Counts the keys that are read."""

    reads = 0

    def read(self, keys: bytes) -> bytes:
        self.reads += len(unpack_keys(keys))
        return super().read(keys)


def reads_of(job: Imitation) -> int:
    assert isinstance(job.user_state, CountingState)
    return job.user_state.reads


def payments(count: int, users: int = 1) -> list[bytes]:
    rows = [{"id": id, "at": START_MS + id, "who": f"u{id * 7 % users}", "shop": "s", "amount": id % 90} for id in range(count)]
    return [msgspec.json.encode(row) for row in rows]


@pytest.fixture
def job() -> Imitation:
    job = Imitation()
    job.release(1, TEXTS)
    return job


def test_at_little_load_profiles_are_in_the_state_as_soon_as_enough_of_them_wait(job: Imitation) -> None:
    values = payments(profiles.UNSAVED_SMALL, users=profiles.UNSAVED_SMALL)
    for value in values[:-1]:
        job.events([value])
    assert job.user_state.heads == {}
    job.events(values[-1:])
    assert len(job.user_state.heads) == profiles.UNSAVED_SMALL
    assert job.entity_state.heads == {}
    job.checkpoint()
    assert set(job.entity_state.heads) == {b"shop\0s"}


def test_a_large_bundle_is_in_the_state_before_the_checkpoint(job: Imitation) -> None:
    job.events(payments(profiles.SMALL_EVENTS + 1))
    assert (job.user_state.heads, job.entity_state.heads) == ({}, {})
    job.checkpoint()
    assert (set(job.user_state.heads), set(job.entity_state.heads)) == ({b"u0"}, {b"shop\0s"})


def test_a_small_bundle_takes_with_it_what_larger_ones_left(job: Imitation) -> None:
    job.events(payments(200, users=100))
    assert job.user_state.heads == {}
    job.events(payments(201)[200:])
    assert len(job.user_state.heads) == 100


def test_what_waits_to_be_written_has_a_bound(job: Imitation, monkeypatch) -> None:
    monkeypatch.setattr(profiles, "UNSAVED_MAX", 50)
    job.events(payments(98, users=49))
    assert job.user_state.heads == {}
    job.events(payments(200, users=50)[100:])
    assert len(job.user_state.heads) == 50


def test_profiles_beyond_the_bound_of_memory_are_read_from_the_state_again() -> None:
    job = Imitation(user_state=CountingState(), profiles_bytes_max=40_000)
    job.release(1, TEXTS)
    whole = Imitation(user_state=CountingState())
    whole.release(1, TEXTS)
    values = payments(1_200, users=100)
    whole.events(values)
    for first in range(0, len(values), 80):
        job.events(values[first : first + 80])
        assert job.user._scorer._slabs["who"].size_bytes <= 40_000
    assert reads_of(job) > 200 > reads_of(whole)
    assert job.decisions() == whole.decisions()
    assert len(job.decisions()) == 1_200


def test_what_waits_is_written_before_a_bundle_of_another_release(job: Imitation) -> None:
    job.events(payments(100, users=50))
    assert job.user_state.heads == {}
    job.release(2, TEXTS | {"features": TEXTS["features"] + "- {name: max_1h, template: max, value: event.amount, window: 1h}\n"})
    job.events(payments(100 + profiles.SMALL_EVENTS + 1, users=3)[100:])
    assert len(job.user_state.heads) == 50


def test_profiles_of_a_layout_that_is_not_the_newest_go_first_and_take_their_arrays_with_them() -> None:
    job = Imitation(user_state=CountingState())
    job.release(1, TEXTS)
    job.events(payments(100, users=50))
    job.release(2, TEXTS | {"features": TEXTS["features"] + "- {name: max_1h, template: max, value: event.amount, window: 1h}\n"})
    job.events(payments(140, users=10)[100:])
    slabs = job.user._scorer._slabs["who"]
    assert len(slabs) == 2
    slabs.write()
    small = slabs.size_bytes // 20
    assert slabs.shrink(small) >= small
    assert len(slabs) == 2
    newest = slabs._slabs[slabs._newest].profiles
    free = slabs.shrink(slabs.size_bytes - newest.size_bytes)
    assert free > 0
    assert (len(slabs), len(newest)) == (1, 10)
    again = reads_of(job)
    job.events(payments(150, users=50)[140:])
    assert reads_of(job) > again  # those that went are read from the state


KINDS = TEXTS | {
    "schema": TEXTS["schema"].replace("[shop]", "[shop, device]"),
    "features": TEXTS["features"]
    + """
- {name: shop_most, template: max, entity: shop, value: event.amount, window: {last: 20}}
- {name: shop_risk, template: label_rate, entity: shop, window: {length: 1d, delay: 0s}}
- {name: device_ranks, template: quantile_rank, entity: device, value: event.amount, window: 1h}
- {name: pair_count, template: distinct, entity: [shop, device], value: event.who, window: 1h}
""",
}


def visits(count: int) -> list[dict[str, object]]:
    """Events at 150 shops and 60 devices, a second apart."""
    return [
        {"id": id, "at": START_MS + 1_000 * id, "who": "u", "shop": f"s{id * 7 % 150}", "device": f"d{id * 11 % 60}", "amount": id % 90}
        for id in range(count)
    ]


def run_of(events: list[dict[str, object]], **bounds: int) -> tuple[Imitation, int]:
    """The stages over `events`, each labelled once it is decided; and the most bytes that entities' profiles took between bundles."""
    job, most = Imitation(entity_state=CountingState(), **bounds), 0
    job.release(1, KINDS)
    for first in range(0, len(events), 20):
        part = events[first : first + 20]
        job.events([msgspec.json.encode(event) for event in part])
        most = max(most, sum(slabs.size_bytes for slabs in job.entity._scorer._slabs.values()))
        label = {"label": 1, "label_time": START_MS, "user": "u"}
        of_event = [{"event_id": str(event["id"]), "id_key": event["id"], "event_time": event["at"]} | label for event in part]
        job.labels([("shop", str(event["shop"]), each) for event, each in zip(part, of_event, strict=True)], "who")
        if first % 200 == 0:
            job.checkpoint()
    return job, most


@pytest.mark.slow
def test_entities_that_memory_has_no_room_for_come_back_from_the_state_with_their_windows_ranks_and_labels() -> None:
    events = visits(900)
    bounded, most = run_of(events, profiles_bytes_max=60_000)
    whole, unbounded = run_of(events)
    assert most <= 60_000 < unbounded
    assert isinstance(bounded.entity_state, CountingState)
    assert isinstance(whole.entity_state, CountingState)
    assert bounded.entity_state.reads > 2 * whole.entity_state.reads
    assert bounded.decisions() == whole.decisions()
    assert bounded.entity_state.heads.keys() == whole.entity_state.heads.keys()
