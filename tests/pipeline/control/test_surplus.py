import msgspec
import pytest

from foundation.content_hash import content_hash
from pipeline.control import surplus as surplus_module
from pipeline.control.known_releases import KnownReleases, release_key
from pipeline.control.surplus import surplus

TEXTS = {
    "schema": "id: {field: id}\ntime: {field: at, unit: ms}\nuser: who\nentities: [shop]\n"
    "fields: {amount: {type: decimal, retain: true}}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n",
    "policy": "score: first_ready(own)\nbands: [{action: approve}]\nfallback: {action: review}\n",
}
WITH_SHOPS = TEXTS["features"] + "- {name: shop_1h, template: count, entity: shop, window: 1h}\n"


def policy(id: int) -> str:
    return TEXTS["policy"] + f"# {id}\n"


def give(known: KnownReleases, id: int, **texts: str) -> None:
    whole = TEXTS | {"policy": policy(id)} | texts
    for text in whole.values():
        known.take(f"def:{content_hash(text)}", text.encode())
    record = {"id": id, "parts": {part: content_hash(text) for part, text in whole.items()}, "at_ms": 1_000 * id}
    known.take(release_key(id), msgspec.json.encode(record))


def let_go(known: KnownReleases) -> None:
    found = surplus(known)
    for key, value in (*found.stated, *dict.fromkeys(found.gone).items()):
        known.take(key, value)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> KnownReleases:
    monkeypatch.setattr(surplus_module, "RELEASES_KEPT", 5)
    return KnownReleases()


def test_nothing_goes_while_the_bounds_are_kept(known: KnownReleases) -> None:
    for id in range(1, 6):
        give(known, id)
    assert surplus(known) == ([], [], frozenset())


def test_the_newest_stay_and_each_of_them_compiles(known: KnownReleases) -> None:
    for id in range(1, 101):
        give(known, id)
        let_go(known)
        assert known.newest is not None
        assert known.newest.id == id
    assert known.ids() == [96, 97, 98, 99, 100]
    assert len(known.hashes()) == 3 + 5
    assert all(known.get(id) is not None for id in known.ids())


def test_releases_go_before_the_definitions_that_only_they_name(known: KnownReleases) -> None:
    for id in range(1, 8):
        give(known, id)
    gone = surplus(known).gone
    hashes = sorted(content_hash(policy(id)) for id in (1, 2))
    assert gone == [release_key(1), release_key(2), *(f"def:{hash}" for hash in hashes)]


def test_large_definitions_have_a_bound_together_and_the_last_two_releases_stay(
    known: KnownReleases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surplus_module, "BYTES_KEPT", 10_000)
    for id in range(1, 5):
        give(known, id, policy=policy(id) + "#" * 4_000)
        let_go(known)
    assert known.ids() == [3, 4]
    give(known, 5, policy=policy(5) + "#" * 90_000)
    let_go(known)
    assert known.ids() == [4, 5]


def test_a_definition_that_a_kept_release_names_again_stays(known: KnownReleases) -> None:
    for id in range(1, 8):
        give(known, id, policy=policy(1) if id in (1, 7) else policy(id))
    let_go(known)
    assert content_hash(policy(1)) in known.hashes()


def test_a_definition_that_no_release_names_goes_the_second_time(known: KnownReleases) -> None:
    give(known, 1)
    known.take(f"def:{content_hash('lost')}", b"lost")
    first = surplus(known)
    assert (first.gone, first.unnamed) == ([], {content_hash("lost")})
    assert surplus(known, first.unnamed).gone == [f"def:{content_hash('lost')}"]


def test_since_when_a_kind_of_entity_has_profiles_outlives_the_releases_before(known: KnownReleases) -> None:
    give(known, 1)
    for id in range(2, 20):
        give(known, id, features=WITH_SHOPS)
        let_go(known)
    release = known.newest
    assert release is not None
    again = KnownReleases()
    for id in known.ids():
        record = known.record(id)
        assert record is not None
        for text in known.texts(record.parts).values():
            again.take(f"def:{content_hash(text)}", text.encode())
        again.take(release_key(id), msgspec.json.encode(record))
    for some in (known, again):
        newest = some.newest
        assert newest is not None
        assert newest.features.plans["shop"].began_ms == 2_000
