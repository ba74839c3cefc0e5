import msgspec
import pytest

from features.layout.layout import LONG_AGO
from features.schema.schema import Schema
from features.sets.feature_set import FeatureSet, read_features
from foundation.content_hash import content_hash
from foundation.refusal import Refusal
from pipeline.control.definitions import Definitions
from pipeline.control.known_releases import COMPILED_KEPT, KnownReleases, ReleaseRecord, release_key
from pipeline.wire.declaration import Topic

TEXTS = {
    "schema": "id: {field: id}\ntime: {field: at, unit: ms}\nuser: who\nentities: [shop]\n"
    "fields: {amount: {type: decimal, retain: true}}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n",
    "policy": "score: first_ready(own)\nbands: [{action: approve}]\nfallback: {action: review}\n",
}
WITH_SHOPS = TEXTS["features"] + "- {name: shop_1h, template: count, entity: shop, window: 1h}\n"


def give(known: KnownReleases, id: int, texts: dict[str, str] = TEXTS, **more: object) -> None:
    for text in texts.values():
        known.take(f"def:{content_hash(text)}", text.encode())
    record = {"id": id, "parts": {part: content_hash(text) for part, text in texts.items()}, "at_ms": 1_000 * id} | more
    known.take(release_key(id), msgspec.json.encode(record))


@pytest.fixture
def known() -> KnownReleases:
    return KnownReleases()


def test_a_release_is_compiled_again_when_it_is_asked_for_after_many_others(known: KnownReleases) -> None:
    for id in range(1, 3 * COMPILED_KEPT):
        give(known, id)
        assert known.newest is not None
        assert known.newest.id == id
    for id in known.ids():
        release = known.get(id)
        assert release is not None
        assert release.id == id


def test_the_nearest_release_is_itself_else_the_next_that_compiles_else_the_last_before_it(known: KnownReleases) -> None:
    for id in (2, 3, 6):
        give(known, id)
    give(known, 4, TEXTS | {"policy": "score: nonsense\n"})
    found = [known.nearest(id) for id in range(1, 8)]
    assert [release.id if release else None for release in found] == [2, 2, 3, 6, 6, 6, 6]
    assert known.get(4) is None


def test_nothing_is_near_where_nothing_is_known(known: KnownReleases) -> None:
    assert known.nearest(1) is None
    assert known.newest is None


def test_a_release_that_is_taken_away_is_not_known_any_more_and_the_one_before_is_the_newest(known: KnownReleases) -> None:
    give(known, 1)
    give(known, 2)
    known.take(release_key(2), None)
    assert known.newest is not None
    assert (known.newest.id, known.ids(), known.get(2)) == (1, [1], None)


def test_a_kind_of_entity_begins_as_the_record_says(known: KnownReleases) -> None:
    give(known, 5, TEXTS | {"features": WITH_SHOPS}, began_ms={"who": 7, "shop": 8})
    give(known, 6, TEXTS | {"features": WITH_SHOPS})
    release = known.get(6)
    assert release is not None
    assert {kind: plan.began_ms for kind, plan in release.features.plans.items()} == {"who": 7, "shop": 8}


def test_without_a_word_in_the_record_a_kind_begins_with_the_first_of_the_releases_in_a_row_that_have_it(known: KnownReleases) -> None:
    for id, features in enumerate((TEXTS["features"], WITH_SHOPS, WITH_SHOPS, TEXTS["features"], WITH_SHOPS), 1):
        give(known, id, TEXTS | {"features": features})
    give(known, 6, TEXTS | {"features": "- {name: none\n"})
    give(known, 7, TEXTS | {"features": WITH_SHOPS})
    records = [known.record(id) for id in (1, 2, 3, 4, 5, 7)]
    began = {record.id: known.beginnings(record) for record in records if record}
    assert [began[id].get("shop") for id in (1, 2, 3, 4, 5, 7)] == [None, 2_000, 2_000, None, 5_000, 5_000]
    assert {each["who"] for each in began.values()} == {LONG_AGO}


def test_what_a_thousand_releases_say_of_their_kinds_is_compiled_once_a_schema_and_features(known: KnownReleases) -> None:
    for id in range(1, 1_001):
        give(known, id, TEXTS | {"policy": TEXTS["policy"] + f"# {id}\n"})
    assert known.newest is not None
    assert known.newest.id == 1_000


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (release_key(3), msgspec.json.encode({"id": 4, "parts": {}})),
        (release_key(3), b"{"),
        ("release:three", msgspec.json.encode({"id": 3, "parts": {}})),
        ("def:abc", b"another text"),
        ("def:abc", b"\xff"),
    ],
)
def test_a_record_that_is_not_what_its_key_says_changes_nothing(known: KnownReleases, key: str, value: bytes) -> None:
    give(known, 3)
    before = known.ids(), known.hashes(), known.newest
    with pytest.raises((Refusal, ValueError)):
        known.take(key, value)
    assert (known.ids(), known.hashes(), known.newest) == before


def test_records_of_other_kinds_are_passed_over(known: KnownReleases) -> None:
    assert not known.take("mode:abc", b"[]")


def test_the_texts_of_a_release_that_lacks_one_are_refused_with_its_hash(known: KnownReleases) -> None:
    record = ReleaseRecord(1, {"policy": "abc"})
    known.take(release_key(1), msgspec.json.encode(record))
    with pytest.raises(Refusal, match="def:abc"):
        known.texts(record.parts)


def test_newer_releases_that_do_not_compile_are_told_with_their_reason_until_one_compiles(known: KnownReleases) -> None:
    give(known, 1)
    give(known, 2, TEXTS | {"features": "- &once {name: count_1h, template: count, window: 1h}\n"})
    known.take(release_key(3), msgspec.json.encode({"id": 3, "parts": dict.fromkeys(TEXTS, "f" * 64)}))
    assert known.newest is not None
    assert known.newest.id == 1
    assert list(known.passed_over()) == [2], "the definitions of release 3 are yet to come"
    assert "features.yaml:1:3" in known.passed_over()[2]
    give(known, 4)
    assert known.passed_over() == {}


def test_a_release_that_does_not_compile_is_said_in_the_log_with_what_to_do(known: KnownReleases, caplog: pytest.LogCaptureFixture) -> None:
    give(known, 1)
    give(known, 2, TEXTS | {"policy": "score: nonsense\n"})
    for _ in range(3):
        assert known.newest is not None
        give(known, 1)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("release 2 is not in force: it does not compile with this version")
    remedy = "push a corrected configuration (`weir check DIR` says what is wrong in it)"
    assert f"{remedy}: Refusal: policy.yaml:1:1" in caplog.messages[0]


def test_a_text_that_was_refused_is_not_compiled_again_with_every_record(known: KnownReleases, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(text: str, schema: Schema, source: str = "") -> FeatureSet:
        read.append(text)
        return read_features(text, schema, source)

    monkeypatch.setattr("pipeline.engine.definitions.release.read_features", counted)
    broken = "- {name: never_seen_before, template: none}\n"
    give(known, 1)
    give(known, 2, TEXTS | {"features": broken})
    for id in (3, 4):
        give(known, id, TEXTS | {"features": broken})
        assert known.newest is not None
    assert read.count(broken) == 1


def test_a_process_that_is_short_of_memory_blames_no_release_and_no_record(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Definitions()
    give(known.releases, 1)

    def is_short(*given: object) -> None:
        raise MemoryError

    with monkeypatch.context() as short:
        short.setattr("pipeline.control.known_releases.compile_release", is_short)
        with pytest.raises(MemoryError):
            known.newest  # noqa: B018 - compiles it
        short.setattr(known.releases, "take", is_short)
        with pytest.raises(MemoryError):
            known.take([(Topic.CONTROL, release_key(2), b"{}")])
    assert known.newest is not None
    assert known.newest.id == 1
