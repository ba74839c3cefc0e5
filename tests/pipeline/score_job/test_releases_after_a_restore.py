"""What is in force is a function of what the control topic holds, in whatever order a restore or a compacted topic gives it."""

import random
from collections.abc import Callable

import msgspec
import pytest
from imitation import ControlRecord, Imitation

TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\nentities: [shop]\n"
    "fields: {amount: {type: decimal, scale: 2, retain: true}}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n- {name: shop_count_1h, template: count, entity: shop, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n",
    "policy": "score: first_ready(own)\nbands: [{below: 0.9, action: approve}, {action: block}]\nfallback: {action: review}\n",
}
WIDER = TEXTS | {
    "schema": TEXTS["schema"].replace("fields: {", "fields: {tip: {type: decimal, retain: true, required: false}, "),
    "features": TEXTS["features"] + "- {name: shop_tips_1h, template: sum, value: event.tip, entity: shop, window: 1h}\n",
}


def texts_of(id: int, texts: dict[str, str] = TEXTS) -> dict[str, str]:
    """A release whose policy says its number."""
    return texts | {"policy": texts["policy"] + f"# {id}\n"}


def releases(ids: range, texts: dict[str, str] = TEXTS) -> list[ControlRecord]:
    return [record for id in ids for record in Imitation.records_of(id, texts_of(id, texts))]


def events(count: int, first: int = 0) -> list[bytes]:
    return [
        msgspec.json.encode({"id": id, "at": 1_700_000_000_000 + id, "who": "u", "shop": "s", "amount": 1.5})
        for id in range(first, first + count)
    ]


def by_name(records: list[ControlRecord]) -> list[ControlRecord]:
    """The newest record of each key as the job's Java gives them after a restore."""
    kept = {key: (topic, key, value) for topic, key, value in records}
    return [kept[key] for key in sorted(kept)]


def compacted(records: list[ControlRecord]) -> list[ControlRecord]:
    """The newest record of each key, where it stands in the topic: a definition that was written again behind releases that name it."""
    kept: dict[str, ControlRecord] = {}
    for record in records:
        kept.pop(record[1], None)
        kept[record[1]] = record
    return list(kept.values())


def deciders(job: Imitation) -> list[object]:
    return [decision["release"] for decision in job.decisions()]


def flags(job: Imitation) -> set[object]:
    return {flag for decision in job.decisions() for flag in decision["flags"]}  # type: ignore[attr-defined]


@pytest.mark.parametrize("order", [list, by_name, compacted])
def test_after_twenty_releases_and_a_restore_the_newest_is_in_force(order: Callable[[list[ControlRecord]], list[ControlRecord]]) -> None:
    job = Imitation()
    job.control(order(releases(range(1, 21))))
    job.events(events(3))
    assert deciders(job) == [20] * 3


def test_a_bypass_that_was_taken_back_stays_so_after_a_restore() -> None:
    records = releases(range(1, 21))
    records += Imitation.records_of(21, texts_of(21) | {"bypass": "mode: approve_all\nreason: an outage\n"})
    records += releases(range(22, 23))
    job = Imitation()
    job.control(by_name(records))
    job.events(events(3))
    assert deciders(job) == [22] * 3
    assert "bypass" not in flags(job)


@pytest.mark.parametrize("seed", range(5))
def test_any_order_of_the_records_puts_the_same_release_in_force(seed: int) -> None:
    records = compacted(releases(range(1, 21)))
    random.Random(seed).shuffle(records)
    job = Imitation()
    for record in records:
        job.control([record])
    job.events(events(3))
    assert deciders(job) == [20] * 3


def test_an_event_stamped_sixty_releases_ago_is_decided_by_its_own_release() -> None:
    job = Imitation()
    job.control(releases(range(1, 2)))
    on_their_way = job.stamp(events(3))
    for id in range(2, 62):
        job.control(releases(range(id, id + 1)))
    job.arrive(on_their_way)
    assert deciders(job) == [1] * 3
    assert "degraded" not in flags(job)


def test_a_stage_that_was_restored_decides_by_each_of_sixty_releases_that_events_carry() -> None:
    job = Imitation()
    on_their_way = []
    for id in range(1, 61):
        job.control(releases(range(id, id + 1)))
        on_their_way.append(job.stamp(events(1, id)))
    restored = Imitation()
    restored.control(by_name(releases(range(1, 61))))
    for frames in on_their_way:
        restored.arrive(frames)
    assert deciders(restored) == list(range(1, 61))


def gone(id: int) -> ControlRecord:
    return ("c", f"release:{id:010d}", None)


def test_an_event_whose_release_is_gone_is_decided_by_the_nearest_behind_it_and_says_so() -> None:
    job = Imitation()
    job.control(releases(range(1, 2)))
    on_their_way = job.stamp(events(3))
    job.control([*releases(range(2, 4)), gone(1)])
    job.arrive(on_their_way)
    assert deciders(job) == [2] * 3
    assert [decision["flags"].count("degraded") for decision in job.decisions()] == [1] * 3  # type: ignore[attr-defined]


@pytest.mark.parametrize(("before", "after"), [(TEXTS, WIDER), (WIDER, TEXTS)])
def test_an_event_whose_release_is_gone_is_read_anew_where_the_nearest_has_another_schema(
    before: dict[str, str], after: dict[str, str]
) -> None:
    job = Imitation()
    job.control(releases(range(1, 2), before))
    on_their_way = job.stamp(events(3))
    job.control([*releases(range(2, 3), after), gone(1)])
    job.arrive(on_their_way)
    assert deciders(job) == [2] * 3
    assert [decision["event"]["amount"] for decision in job.decisions()] == [1.5] * 3  # type: ignore[index]
    job.events(events(1, 9))
    assert job.decisions()[-1]["release"] == 2


def test_an_event_that_the_nearest_release_does_not_take_is_a_dead_letter() -> None:
    job = Imitation()
    job.control(releases(range(1, 2)))
    on_their_way = job.stamp(events(1))
    other = TEXTS | {"schema": TEXTS["schema"].replace("fields: {", "fields: {must: {type: decimal}, ")}
    job.control([*releases(range(2, 3), other), gone(1)])
    job.arrive(on_their_way)
    assert deciders(job) == []
    [(_, letter)] = job.out["X"]
    assert b"must" in letter


def test_definitions_that_nothing_names_take_no_room_once_they_are_taken_away() -> None:
    job = Imitation()
    for id in range(1, 101):
        job.control(releases(range(id, id + 1)))
        if id > 3:
            old = Imitation.records_of(id - 3, texts_of(id - 3))
            job.control([gone(id - 3), ("c", old[3][1], None)])
    for stage in (job.decode, job.entity, job.user):
        assert stage.definitions.releases.ids() == [98, 99, 100]
        assert len(stage.definitions.releases.hashes()) == 3 + 3


def test_a_release_that_does_not_compile_is_passed_over_until_its_definitions_are_whole() -> None:
    job = Imitation()
    job.control(releases(range(1, 2)))
    *parts, release = Imitation.records_of(2, texts_of(2))
    job.control([release])
    job.events(events(1))
    job.control(parts)
    job.events(events(1, 1))
    assert deciders(job) == [1, 2]


def test_the_only_release_stays_in_force_when_it_is_taken_away() -> None:
    job = Imitation()
    job.control(releases(range(1, 2)))
    on_their_way = job.stamp(events(2))
    job.control([gone(1)])
    job.arrive(on_their_way)
    job.events(events(1, 2))
    assert deciders(job) == [1] * 3


def test_events_are_dead_letters_where_no_release_at_all_is_known() -> None:
    job = Imitation()
    job.control(releases(range(1, 2)))
    restored = Imitation()
    restored.arrive(job.stamp(events(2)))
    assert deciders(restored) == []
    assert [b"no release" in letter for _, letter in restored.out["X"]] == [True, True]
