import asyncio
import pathlib

import msgspec
import pytest
from api_imitation import NOW_MS, TEXTS, Api, FakeLog, event
from strange_documents import STRANGE_DOCUMENTS

from api.definitions.in_force import InForce
from api.definitions.publisher import Definitions
from api.definitions.seed import seed
from api.http.health import Health
from foundation.content_hash import content_hash
from foundation.refusal import Refusal
from stores.decisions import StoreUnavailableError

MORE_FEATURES = TEXTS["features"] + "- {name: sum_1h, template: sum, value: event.amount, window: 1h}\n"
SUM_ADDED = {"added": ["sum_1h"], "changed": [], "removed": []}
NOT_JSON = (b"", b"\xff")
REVIEW_ALL = TEXTS["policy"].replace("block", "review")


async def test_an_upload_makes_a_release_whose_definitions_are_published_before_it(api: Api) -> None:
    answer = await api.client.put("/v1/features", content=MORE_FEATURES)
    hash = content_hash(MORE_FEATURES)
    assert (answer.status_code, answer.json()) == (200, {"release": 1, "hash": hash, "changed": True, "features": SUM_ADDED})
    keys = [key for key, _ in api.log.of("control")]
    assert sorted(keys[:-1]) == sorted(f"def:{content_hash(text)}" for text in (TEXTS | {"features": MORE_FEATURES}).values())
    key, value = api.log.of("control")[-1]
    assert key == "release:0000000001"
    assert msgspec.json.decode(value)["parts"]["features"] == hash
    assert api.registry.pending_publication() == []


async def test_an_uploaded_definition_is_in_force_for_the_next_event(api: Api) -> None:
    await follow_first(api)
    schema = TEXTS["schema"] + "  country: {type: string}\n"
    assert (await api.client.put("/v1/schema", content=schema)).json()["release"] == 2
    assert (await api.client.post("/v1/events", json=event())).json()["where"] == "country"
    answer = await api.client.get("/v1/schema")
    assert (answer.text, answer.headers["weir-release"], answer.headers["content-type"]) == (schema, "2", "application/yaml")


async def test_the_same_text_again_makes_no_release(api: Api) -> None:
    assert (await api.client.put("/v1/policy", content=TEXTS["policy"])).json()["changed"] is False
    assert api.log.records == []


@pytest.mark.parametrize(
    ("part", "text", "where"),
    [
        ("features", TEXTS["features"] + "- {name: x, template: nonsense}\n", "features.yaml:2:"),
        ("features", "- {name: count_1h", "features.yaml:"),
        ("policy", TEXTS["policy"].replace("own", "other"), "policy.yaml"),
        ("models", TEXTS["models"].replace("event.amount", "feature.nothing"), "models.yaml:1:"),
        ("schema", TEXTS["schema"].replace("amount", "total"), "models.yaml:1:"),
        ("schema", "", "schema.yaml"),
        ("schema", "x: &a [*a]", "schema.yaml"),
    ],
)
async def test_what_does_not_compile_as_a_whole_release_is_refused_with_its_place(api: Api, part: str, text: str, where: str) -> None:
    answer = await api.client.put(f"/v1/{part}", content=text)
    assert answer.status_code == 422
    assert answer.json()["where"].startswith(where)
    assert api.log.records == []
    assert api.registry.newest() is None


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [("field: id", "field: number", "1:13"), ("type: integer", "type: string", "1:23"), ("field: at", "field: when", "2:15"),
     ("unit: ms", "unit: s", "2:25"), ("user: customer", "user: payer", "4:7")],
)  # fmt: skip
async def test_the_id_time_and_user_of_a_schema_stay_as_they_are(api: Api, old: str, new: str, where: str) -> None:
    changed = TEXTS["schema"].replace(old, new).replace("{customer:", f"{{{new.removeprefix('user: ')}:" if "user" in old else "{customer:")
    answer = await api.client.put("/v1/schema", content=changed)
    assert answer.status_code == 422
    assert (answer.json()["what"], answer.json()["where"]) == ("identity changed", f"schema.yaml:{where}")


async def test_bytes_that_are_not_text_are_refused_with_line_and_column(api: Api) -> None:
    answer = await api.client.put("/v1/policy", content=b"score: caf\xe9")
    assert (answer.status_code, answer.json()["where"], answer.json()["what"]) == (422, "policy.yaml:1:11", "not UTF-8")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in STRANGE_DOCUMENTS if name != "too many characters"])
async def test_a_strange_document_is_refused_with_its_place(api: Api, name: str) -> None:
    answer = await api.client.put("/v1/features", content=STRANGE_DOCUMENTS[name].encode("utf-8", "surrogatepass"))
    assert answer.status_code == 422
    assert answer.json()["where"].startswith("features.yaml")
    assert api.log.of("control") == []


async def test_a_model_that_is_given_an_input_twice_is_refused_at_the_second(api: Api) -> None:
    answer = await api.client.put("/v1/models", content=TEXTS["models"].replace("[event.amount]", "[event.amount, event.amount]"))
    assert (answer.status_code, answer.json()["what"]) == (422, "input given twice")
    assert answer.json()["where"].startswith("models.yaml:1:")


async def test_two_uploads_at_once_make_two_releases_that_both_hold(api: Api) -> None:
    await follow_first(api)
    await asyncio.gather(api.client.put("/v1/features", content=MORE_FEATURES), api.client.put("/v1/policy", content=REVIEW_ALL))
    releases = (await api.client.get("/v1/releases")).json()["releases"]
    assert [release["id"] for release in releases] == [3, 2, 1]
    assert releases[0]["parts"]["features"] == content_hash(MORE_FEATURES)
    assert releases[0]["parts"]["policy"] == content_hash(REVIEW_ALL)


async def test_a_release_stored_before_a_crash_is_published_at_the_next_start(api: Api) -> None:
    await follow_first(api)
    api.log.down = True
    assert (await api.client.put("/v1/policy", content=REVIEW_ALL)).status_code == 503
    assert api.in_force.release.id == 1
    api.log.down = False
    await api.definitions.following.repair()
    assert api.log.of("control")[-1][0] == "release:0000000002"
    assert api.registry.pending_publication() == []
    assert (api.in_force.release.id, api.in_force.texts["policy"]) == (2, REVIEW_ALL)


async def test_an_upload_that_failed_is_part_of_the_next_release(api: Api) -> None:
    await follow_first(api)
    api.log.down = True
    answer = await api.client.put("/v1/policy", content=REVIEW_ALL)
    assert answer.status_code == 503
    assert "release 2 is stored" in answer.json()["detail"]
    api.log.down = False
    assert (await api.client.put("/v1/features", content=MORE_FEATURES)).json()["release"] == 3
    assert api.in_force.texts == TEXTS | {"policy": REVIEW_ALL, "features": MORE_FEATURES}
    assert [key for key, _ in api.log.of("control") if key.startswith("release:")] == ["release:0000000002", "release:0000000003"]


async def test_uploads_while_the_broker_is_down_do_not_pile_up(api: Api) -> None:
    await follow_first(api)
    api.log.down = True
    for text in (REVIEW_ALL, REVIEW_ALL + "\n", REVIEW_ALL + "\n\n"):
        assert (await api.client.put("/v1/policy", content=text)).status_code == 503
    assert [release.id for release in api.registry.pending_publication()] == [2]


async def test_the_newest_release_is_published_again_where_the_control_topic_was_lost(api: Api) -> None:
    await follow_first(api)
    await api.client.put("/v1/policy", content=REVIEW_ALL)
    for on_topic in ([], published(1, TEXTS)):
        in_force, log = await started_again(api, on_topic)
        assert log.of("control")[-1][0] == "release:0000000002"
        assert (in_force.release.id, in_force.texts["policy"]) == (2, REVIEW_ALL)
    _, log = await started_again(api, published(2, TEXTS | {"policy": REVIEW_ALL}))
    assert log.records == []


async def test_a_stored_release_that_no_longer_compiles_does_not_stop_the_start(api: Api) -> None:
    await follow_first(api)
    parts = {part: api.registry.put(part, text, "earlier", NOW_MS) for part, text in (TEXTS | {"policy": "no longer valid"}).items()}
    api.registry.release(parts, "earlier", NOW_MS)
    in_force, log = await started_again(api, published(1, TEXTS))
    assert (in_force.release.id, log.records, api.registry.pending_publication()) == (1, [], [])


async def test_parts_put_together_make_one_release(api: Api) -> None:
    await follow_first(api)
    answer = await api.client.post("/v1/releases", json={"policy": REVIEW_ALL, "features": MORE_FEATURES})
    texts = TEXTS | {"policy": REVIEW_ALL, "features": MORE_FEATURES}
    parts = {part: content_hash(text) for part, text in texts.items()}
    assert answer.json() == {"release": 2, "parts": parts, "changed": True, "features": SUM_ADDED}
    assert (await api.client.post("/v1/releases", json=texts)).json()["changed"] is False
    assert api.registry.newest().id == 2


async def test_a_system_without_a_release_gets_its_first_from_all_parts_together(api: Api) -> None:
    api.in_force.release, api.in_force.texts = None, {}
    assert (await api.client.post("/v1/releases", json={"policy": REVIEW_ALL})).json()["what"] == "missing part"
    assert (await api.client.post("/v1/releases", json=TEXTS)).json()["release"] == 1
    assert (await api.client.post("/v1/events", json=event())).status_code == 202


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"policy":1}', b'{"rules":"x"}', b"\xff", b"[" * 100_000])
async def test_what_is_no_set_of_parts_is_refused(api: Api, body: bytes) -> None:
    answer = await api.client.post("/v1/releases", content=body)
    assert (answer.status_code, answer.json()["where"]) == (400 if body in NOT_JSON else 422, "release")
    assert api.registry.newest() is None


async def test_a_release_that_another_published_is_followed_and_kept(api: Api) -> None:
    texts = TEXTS | {"policy": REVIEW_ALL}
    await api.definitions.following.take(published(4, texts))
    assert api.in_force.release.id == 4
    await api.definitions.following.repair()
    assert api.registry.newest().id == 4
    assert (await api.client.put("/v1/features", content=MORE_FEATURES)).json()["release"] == 5
    assert api.in_force.texts == texts | {"features": MORE_FEATURES}


async def test_a_record_of_control_that_makes_no_sense_is_passed_over(api: Api) -> None:
    bad = [
        ("release:0000000009", b"{}"),
        ("release:0000000009", b'{"id":9,"parts":{"schema":"gone"}}'),
        ("def:1", b"\xff"),
        ("mode:", b""),
        ("x", b""),
    ]
    await api.definitions.following.take([*bad, *published(4, TEXTS)])
    assert api.in_force.release.id == 4


async def test_an_older_release_does_not_come_back(api: Api) -> None:
    await api.definitions.following.take(published(4, TEXTS | {"policy": REVIEW_ALL}) + published(3, TEXTS))
    assert api.in_force.release.id == 4


BY_OLDER_RULES = TEXTS | {"features": "- &once {name: count_1h, template: count, window: 1h}\n"}
"""What a version took in whose rules for YAML were not as strict."""


async def test_a_newer_release_that_does_not_compile_is_said_loudly_until_another_is_pushed(api: Api) -> None:
    await api.definitions.following.take(published(4, TEXTS) + published(5, BY_OLDER_RULES))
    assert api.in_force.release.id == 4
    part = (await api.client.get("/ready")).json()["parts"]["release"]
    assert not part["ok"]
    assert part["detail"].startswith("release 5 is not in force: it does not compile with this version")
    assert "push a corrected configuration" in part["detail"]
    assert "features.yaml:1:3" in part["detail"]
    assert "weir_release_passed_over 1" in (await api.client.get("/metrics")).text
    put = (await api.client.post("/v1/releases", json=TEXTS)).json()  # what is in force says the same: it counts all the same
    assert (put["release"], put["changed"]) == (6, True)
    assert (await api.client.get("/ready")).json()["parts"]["release"]["ok"]
    assert "weir_release_passed_over 0" in (await api.client.get("/metrics")).text


async def test_a_release_of_the_registry_that_does_not_compile_is_said_loudly(api: Api) -> None:
    parts = {part: api.registry.put(part, text, "ann", NOW_MS) for part, text in BY_OLDER_RULES.items()}
    api.registry.release(parts, "ann", NOW_MS)
    health = Health()
    definitions = Definitions(api.registry, InForce(), health, FakeLog(), "weir.control", api.clock)
    await definitions.following.take([])
    await definitions.following.repair()
    assert not health.ready
    assert health.parts["release"].detail.startswith("no release is in force; release 1 is not in force: it does not compile")


async def test_an_empty_registry_is_seeded_once(api: Api, tmp_path: pathlib.Path) -> None:
    with pytest.raises(Refusal, match=r"features\.yaml"):
        seed(api.registry, TEXTS | {"features": "- nonsense"}, NOW_MS)
    assert seed(api.registry, TEXTS, NOW_MS) == 1
    assert [release.id for release in api.registry.pending_publication()] == [1]
    assert seed(api.registry, TEXTS, NOW_MS) is None


async def follow_first(api: Api) -> None:
    """Release 1 as the control topic has it."""
    api.in_force.release = None
    await api.definitions.following.take(published(1, TEXTS))


async def started_again(api: Api, on_topic: list[tuple[str, bytes]]) -> tuple[InForce, FakeLog]:
    """Another process on the same registry, after its start; `on_topic` is all that the control topic has."""
    in_force, log = InForce(), FakeLog()
    definitions = Definitions(api.registry, in_force, Health(), log, "weir.control", api.clock)
    await definitions.following.take(on_topic)
    await definitions.following.repair()
    return in_force, log


def published(id: int, texts: dict[str, str]) -> list[tuple[str, bytes]]:
    """The records of a release on the control topic."""
    parts = {part: content_hash(text) for part, text in texts.items()}
    release = (f"release:{id:010d}", msgspec.json.encode({"id": id, "parts": parts}))
    return [*((f"def:{parts[part]}", text.encode()) for part, text in texts.items()), release]


async def test_an_upload_is_told_which_features_have_to_warm_up(api: Api) -> None:
    await follow_first(api)
    answer = await api.client.put("/v1/features", content=MORE_FEATURES + "- {name: ever, template: age}\n")
    assert answer.json()["warming"][-1] == "ever"


async def test_an_upload_is_told_which_detectors_begin_with_nothing(api: Api) -> None:
    await follow_first(api)
    of_counts = TEXTS["models"].replace("own", "counts").replace("event.amount", "feature.count_1h")
    of_amounts = TEXTS["models"].replace("own", "amounts")
    answer = await api.client.put("/v1/models", content=TEXTS["models"] + of_counts + of_amounts)
    assert answer.json()["warming"] == ["model.counts"]


async def test_the_catalogue_says_of_each_feature_what_it_is_and_who_uses_it(api: Api) -> None:
    await follow_first(api)
    text = MORE_FEATURES + "- {name: ratio, expression: event.amount / feature.sum_1h, owner: risk, description: part of the hour}\n"
    assert (await api.client.put("/v1/features", content=text)).status_code == 200
    answer = (await api.client.get("/v1/features/catalogue")).json()
    entries = {entry["name"]: entry for entry in answer["features"]}
    assert entries["sum_1h"]["used_by"] == ["expression ratio"]
    assert (entries["ratio"]["owner"], entries["ratio"]["template"]) == ("risk", "expression")
    assert entries["sum_1h"]["version"] != entries["ratio"]["version"]


async def test_templates_are_listed_with_an_example_each(api: Api) -> None:
    templates = (await api.client.get("/v1/templates")).json()["templates"]
    assert len(templates) >= 30
    assert all(template["example"] and template["meaning"] for template in templates)


async def test_an_upload_is_told_which_features_came_changed_and_went(api: Api) -> None:
    await follow_first(api)
    first = await api.client.put("/v1/features", content=MORE_FEATURES + "- {name: ever, template: age}\n")
    assert first.json()["features"]["added"][-1] == "ever"
    second = await api.client.put("/v1/features", content=MORE_FEATURES + "- {name: oldest, template: age}\n")
    assert second.json()["features"] == {"added": ["oldest"], "changed": [], "removed": ["ever"]}


async def test_a_feature_that_a_model_reads_is_not_removed_but_together_with_it(api: Api) -> None:
    await follow_first(api)
    reading = TEXTS["models"].replace("event.amount", "feature.count_1h")
    assert (await api.client.put("/v1/models", content=reading)).status_code == 200
    refused = await api.client.put("/v1/features", content="[]")
    assert (refused.status_code, refused.json()["what"]) == (422, "feature in use")
    assert refused.json()["expected"] == "count_1h, which is used by model own"
    together = await api.client.post("/v1/releases", json={"features": "[]", "models": TEXTS["models"]})
    assert together.json()["features"]["removed"] == ["count_1h"]


async def test_each_version_of_a_feature_is_told_with_the_release_that_brought_it(api: Api) -> None:
    await follow_first(api)
    for text in (
        "{name: ever, template: age, owner: risk}",
        "{name: ever, template: age, where: event.amount > 1.0}",
        "{name: other, template: age}",
    ):
        assert (await api.client.put("/v1/features", content=f"{MORE_FEATURES}- {text}\n")).status_code == 200
    newest = (await api.client.get("/v1/policy")).headers["weir-release"]
    versions = (await api.client.get("/v1/features/ever/versions")).json()["versions"]
    assert [version["release"] for version in versions] == [int(newest), int(newest) - 1, int(newest) - 2]
    gone, changed, first = versions
    assert gone["version"] is gone["definition"] is None
    assert changed["version"] != first["version"]
    assert (first["owner"], first["definition"]["template"]) == ("risk", "age")
    unknown = await api.client.get("/v1/features/evr/versions")
    assert unknown.status_code == 404
    assert "did you mean ever?" in unknown.json()["detail"]


async def test_a_release_that_is_out_is_answered_though_the_registry_does_not_take_the_mark(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(id: int) -> None:
        raise StoreUnavailableError("the registry went away")

    await follow_first(api)
    monkeypatch.setattr(api.registry, "published", fails)
    answer = await api.client.put("/v1/features", content=MORE_FEATURES)
    assert (answer.status_code, answer.json()["release"], api.in_force.release.id) == (200, 2, 2)
    monkeypatch.undo()
    assert (await api.client.put("/v1/policy", content=REVIEW_ALL)).json()["release"] == 3
    assert api.registry.pending_publication() == []


@pytest.mark.slow
async def test_a_release_that_raises_at_every_event_is_refused_before_anything_is_stored(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await follow_first(api)
    monkeypatch.setattr("pipeline.engine.scorer.nothing_said", lambda *given: {}["no such thing"])
    answer = await api.client.put("/v1/policy", content=REVIEW_ALL)
    assert (answer.status_code, answer.json()["what"]) == (422, "release does not decide")
    assert (api.in_force.release.id, api.registry.pending_publication()) == (1, [])
