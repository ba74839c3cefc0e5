import pathlib

import msgspec
import pytest
import yaml

from features.schema.schema import ENTITIES_MAX, FIELDS_MAX, read_schema
from features.sets.feature_set import read_features
from foundation.refusal import Refusal
from patterns.policy import MODELS_MAX
from pipeline.trial.trial import synthetic_events, try_release

SAMPLES = pathlib.Path("deploy/samples")
POLICY = "score: first_ready(m)\nbands: [{action: approve}]\n"
MODELS = "- {name: m, model: anomaly.HalfSpaceTrees, inputs: [event.amount]}\n"


def texts(schema: dict[str, object], features: str = "[]", models: str = MODELS, policy: str = POLICY) -> dict[str, str]:
    whole = {"id": "id", "time": {"field": "at"}, "user": "user", "fields": {"amount": {"type": "float"}}} | schema
    return {"schema": yaml.safe_dump(whole, sort_keys=False, width=100_000), "features": features, "models": models, "policy": policy}


@pytest.mark.parametrize("sample", sorted(folder.name for folder in SAMPLES.iterdir()))
def test_every_sample_decides_on_its_synthetic_events(sample: str) -> None:
    parts = {part: (SAMPLES / sample / f"{part}.yaml").read_text() for part in ("schema", "features", "models", "policy")}
    assert try_release(parts).schema.user


@pytest.mark.parametrize(
    "name", ["__dict__", "__slots__", "__init__", "__class__", "mro", "self", "class", "None", "field_x", "__weakref__"]
)
@pytest.mark.parametrize("nested", ["{}", "{}.inner", "outer.{}"])
def test_a_field_may_have_a_name_that_means_something_to_a_python_class(name: str, nested: str) -> None:
    field = nested.format(name)
    release = try_release(texts({"fields": {field: {"type": "float"}, "amount": {"type": "float"}}}))
    assert field in release.schema.columns


@pytest.mark.parametrize("unit", ["ms", "s", "us", "rfc3339"])
def test_a_synthetic_event_has_a_time_in_the_unit_and_from_the_least_time_of_the_schema(unit: str) -> None:
    schema = {"time": {"field": "at", "unit": unit}, "min_time": "2031-05-06T07:08:09.123Z"}
    assert try_release(texts(schema)).schema.time_unit == unit


def test_the_second_event_lacks_whatever_may_be_absent() -> None:
    optional = {"type": "string", "required": False}
    schema = texts({"entities": ["device"], "fields": {"a.b": optional, "amount": {"type": "decimal", "scale": 0}}})["schema"]
    full, least, _ = (msgspec.json.decode(event) for event in synthetic_events(read_schema(schema)))
    assert set(full) == {"id", "at", "user", "device", "a", "amount"}
    assert set(least) == {"id", "at", "user", "amount"}


def counting(kinds: int, of: str = "k{}") -> str:
    return "".join(f"- {{name: f{n}, template: count, entity: {of.format(n)}, window: 1h}}\n" for n in range(kinds))


@pytest.mark.slow
def test_as_many_kinds_of_entities_as_an_event_can_wait_for_decide() -> None:
    entities = [f"k{n}" for n in range(ENTITIES_MAX)]
    assert len(try_release(texts({"entities": entities}, counting(ENTITIES_MAX))).entity_kinds()) == ENTITIES_MAX


def test_one_entity_more_is_refused_with_line_and_column() -> None:
    schema = "{id: id, time: {field: at}, user: user, entities: [\n" + ",\n".join(f"k{n}" for n in range(ENTITIES_MAX + 1)) + "]}"
    with pytest.raises(Refusal, match=rf"schema.yaml:{ENTITIES_MAX + 2}:1: too many entities: expected at most 127"):
        read_schema(schema)


def test_pairs_of_entities_count_as_kinds_too() -> None:
    schema = read_schema(texts({"entities": [f"k{n}" for n in range(ENTITIES_MAX)]})["schema"])
    pairs = counting(ENTITIES_MAX - 1) + "- {name: p, template: count, entity: [k1, k2], window: 1h}\n"
    assert len(read_features(pairs, schema).kinds) == ENTITIES_MAX + 1
    with pytest.raises(Refusal, match=rf"features.yaml:{ENTITIES_MAX + 1}:3: too many entity types"):
        read_features(pairs + "- {name: q, template: count, entity: [k2, k3], window: 1h}\n", schema)


@pytest.mark.parametrize(
    ("schema", "what"),
    [
        ({"entities": ["k" * 129]}, "name too long"),
        ({"entities": ["k" * 8_300]}, "name too long"),
        ({"fields": {"x" * 129: {"type": "float"}}}, "name too long"),
        ({"fields": {".".join("a" * 17): {"type": "float"}}}, "name nests too deep"),
        ({"fields": {f"f{n}": {"type": "float"} for n in range(FIELDS_MAX + 1)}}, "too many fields"),
    ],
)
def test_what_has_no_room_in_a_record_is_refused_with_its_place(schema: dict[str, object], what: str) -> None:
    with pytest.raises(Refusal, match=rf"schema.yaml:\d+:\d+: {what}"):
        try_release(texts(schema))


def test_a_policy_of_more_models_than_a_decision_can_remember_is_refused() -> None:
    models = "".join(f"- {{name: m{n}, model: anomaly.HalfSpaceTrees, inputs: [event.amount]}}\n" for n in range(MODELS_MAX + 1))
    first_ready = [f"score: first_ready({', '.join(f'm{n}' for n in range(count))})\nbands: [{{action: approve}}]\n" for count in (62, 63)]
    assert len(try_release(texts({}, models=models, policy=first_ready[0])).policy.models) == MODELS_MAX
    with pytest.raises(Refusal, match=r"policy.yaml:1:8: too many models"):
        try_release(texts({}, models=models, policy=first_ready[1]))


@pytest.mark.slow
def test_decisions_that_no_topic_would_take_are_refused() -> None:
    features = "".join(f"- {{name: {'n' * 120}{n}, template: calendar, part: hour}}\n" for n in range(3_200))
    fields = {f"{'x' * 120}{n}": {"type": "float"} for n in range(1_000)} | {"amount": {"type": "float"}}
    with pytest.raises(Refusal, match=r"release does not decide: expected decisions of at most 524288 bytes"):
        try_release(texts({"fields": fields}, features))


def test_a_release_that_raises_at_an_event_is_refused_with_what_was_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.engine.scorer.nothing_said", lambda *given: {}["no such thing"])
    with pytest.raises(Refusal, match=r"release does not decide: .*KeyError"):
        try_release(texts({}))
