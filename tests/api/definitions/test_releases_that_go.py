"""The control topic holds as many releases as are kept, and whatever the API writes there leaves the newest in force everywhere."""

import msgspec
import pytest
from api_imitation import TEXTS, Api

from foundation.content_hash import content_hash
from pipeline.control import surplus
from pipeline.control.known_releases import KnownReleases


@pytest.fixture(autouse=True)
def few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surplus, "RELEASES_KEPT", 4)


def policy(number: int) -> str:
    return TEXTS["policy"] + f"# {number}\n"


def on_topic(api: Api) -> dict[str, bytes]:
    """What a compacted topic is left with."""
    newest = dict(api.log.of("control"))
    return {key: value for key, value in newest.items() if value is not None}


def known_to_a_stage(api: Api) -> KnownReleases:
    known = KnownReleases()
    for key, value in sorted(on_topic(api).items()):
        known.take(key, value)
    return known


async def begin(api: Api) -> None:
    api.in_force.release = None
    api.in_force.texts = {}
    await api.definitions.put(dict(TEXTS), "ann")


@pytest.mark.slow
async def test_a_hundred_edits_leave_a_handful_of_records_and_the_newest_in_force(api: Api) -> None:
    await begin(api)
    for number in range(100):
        assert (await api.client.put("/v1/policy", content=policy(number))).status_code == 200
        known = known_to_a_stage(api)
        assert known.newest is not None
        assert api.in_force.release is not None
        assert known.newest.id == api.in_force.release.id == number + 2
    assert len(on_topic(api)) == 4 + 3 + 4
    assert all(known.get(id) is not None for id in known.ids())


async def test_a_rollback_to_a_release_that_is_gone_from_the_topic_writes_its_definitions_again(api: Api) -> None:
    await begin(api)
    for number in range(10):
        await api.client.put("/v1/policy", content=policy(number))
    assert f"def:{content_hash(policy(0))}" not in on_topic(api)
    answer = await api.client.post("/v1/releases/2:activate")
    assert answer.status_code == 200, answer.text
    newest = known_to_a_stage(api).newest
    assert newest is not None
    assert newest.id == answer.json()["release"] == 12
    assert api.in_force.texts["policy"] == policy(0)


@pytest.mark.slow
async def test_the_declaration_of_a_list_that_was_gone_and_comes_back_is_written_again(api: Api) -> None:
    await begin(api)
    await api.definitions.put({"list:good": "ann\n"}, "ann")
    await api.definitions.put({"list:good": None}, "ann")
    for number in range(10):
        await api.client.put("/v1/policy", content=policy(number))
    await api.definitions.put({"list:good": "ann\n"}, "ann")
    newest = known_to_a_stage(api).newest
    assert newest is not None
    assert list(newest.lists) == ["good"]


async def test_what_cannot_be_taken_off_the_topic_now_goes_the_next_time_and_the_upload_stands(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begin(api)
    for number in range(4):
        await api.client.put("/v1/policy", content=policy(number))
    deliver = api.log.deliver

    async def refuse_tombstones(topic: str, key: str, value: bytes | None) -> None:
        api.log.down = value is None
        await deliver(topic, key, value)

    monkeypatch.setattr(api.log, "deliver", refuse_tombstones)
    assert (await api.client.put("/v1/policy", content=policy(7))).status_code == 200
    assert api.registry.pending_publication() == []
    monkeypatch.setattr(api.log, "deliver", deliver)
    api.log.down = False
    await api.client.put("/v1/policy", content=policy(8))
    assert len([key for key in on_topic(api) if key.startswith("release:")]) == 4


async def test_what_other_programs_left_on_the_topic_goes_when_the_process_starts(api: Api) -> None:
    found = []
    for number in range(1, 13):
        texts = TEXTS | {"policy": policy(number)}
        parts = {part: content_hash(text) for part, text in texts.items()}
        found += [(f"def:{parts[part]}", text.encode()) for part, text in texts.items()]
        found.append((f"release:{number:010d}", msgspec.json.encode({"id": number, "parts": parts})))
    api.in_force.release = None
    await api.definitions.following.take(found)
    await api.definitions.following.repair()
    gone = [key for key, value in api.log.of("control") if value is None]
    assert [key for key in gone if key.startswith("release:")] == [f"release:{number:010d}" for number in range(1, 9)]
    assert set(gone[8:]) == {f"def:{content_hash(policy(number))}" for number in range(1, 9)}
