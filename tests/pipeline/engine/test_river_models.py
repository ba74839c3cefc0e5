"""models.yaml takes River's own classes by name, and refuses what is not offered with its place."""

import json
import re

import msgspec
import pytest

from features.schema.batch import Batch
from features.schema.decode import Decoder
from foundation.refusal import Refusal
from patterns.policy import ACTIONS
from pipeline.engine.decisions.explanation import Explanations
from pipeline.engine.definitions.model import Model
from pipeline.engine.definitions.release import compile_release
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import History
from pipeline.trial.river_models import cost_lines
from pipeline.trial.trial import try_release

START_MS = 1_700_000_000_000
TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: u\nfields: {amount: {type: float, retain: true}}\n"
    "labels: {negative_after: 1d}\n",
    "features": "- {name: spent, template: sum, value: event.amount, window: 1h}\n",
    "policy": "score: first_ready(m)\nbands: [{below: 0.9, action: approve}, {action: block}]\n",
}


def texts_with(model: str, inputs: str = "[event.amount, feature.spent]") -> dict[str, str]:
    return TEXTS | {"models": f"- name: m\n  kind: river\n  inputs: {inputs}\n  model: {model}\n"}


def compiled(model: str, inputs: str = "[event.amount, feature.spent]") -> Model:
    return compile_release(1, texts_with(model, inputs)).models[0]


@pytest.mark.parametrize(
    ("written", "kind", "steps"),
    [
        ("naive_bayes.GaussianNB", "river.Classifier", [("naive_bayes.GaussianNB", {})]),
        ("tree.HoeffdingTreeClassifier\n  parameters: {grace_period: 50}", "river.Classifier",
         [("tree.HoeffdingTreeClassifier", {"grace_period": 50})]),
        ("[preprocessing.MinMaxScaler, {anomaly.OneClassSVM: {nu: 0.2}}]", "river.Anomaly",
         [("preprocessing.MinMaxScaler", {}), ("anomaly.OneClassSVM", {"nu": 0.2})]),
        ("{ensemble.BaggingClassifier: {model: [preprocessing.StandardScaler, linear_model.Perceptron], n_models: 3}}",
         "river.Classifier", [("ensemble.BaggingClassifier",
                               {"model": [("preprocessing.StandardScaler", {}), ("linear_model.Perceptron", {})], "n_models": 3})]),
    ],
)  # fmt: skip
def test_a_pipeline_is_taken_as_it_is_written(written: str, kind: str, steps: object) -> None:
    model = compiled(written)
    assert (model.model, model.labelled, model.keyed) == (kind, kind == "river.Classifier", None)
    assert model.parameters == {"steps": steps}


def test_a_detector_of_one_number_takes_one_input() -> None:
    assert compiled("drift.PageHinkley", "[event.amount]").model == "river.Drift"
    with pytest.raises(Refusal, match="several inputs"):
        compiled("drift.PageHinkley")


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("[preprocessing.StandardScaler, linear_model.LogisticRegression]", "linear_model.LogisticRegression"),
        ("[preprocessing.MinMaxScaler, {anomaly.HalfSpaceTrees: {n_trees: 5}}]", "anomaly.HalfSpaceTrees"),
        ("linear_model.LogisticRegression", "linear_model.LogisticRegression"),
    ],
)
def test_a_pipeline_with_an_array_form_runs_in_arrays(written: str, name: str) -> None:
    assert compiled(written).model == name


@pytest.mark.parametrize(
    ("written", "pointed", "says"),
    [
        ("tree.HoefdingTreeClassifier", "tree", "did you mean tree.HoeffdingTreeClassifier?"),
        ("os.system", "os", "no class of River that is offered"),
        ("river.Classifier", "river.C", "no class of River"),
        ("[preprocessing.StandardScaler]", "pre", "another task"),
        ("[linear_model.Perceptron, linear_model.Perceptron]", "linear", "another task"),
        ("[]", "[]", "1 to 8 steps"),
        ("[{tree.SGTClassifier: {gama: 1}}]", "gama", "did you mean gamma?"),
        ("[{tree.SGTClassifier: {gamma: lots}}]", "lots", "a number from 0"),
        ("[{tree.SGTClassifier: {gamma: true}}]", "true", "a number from 0"),
        ("[{forest.ARFClassifier: {n_models: 1000}}]", "1000", "a whole number from 1 to 50"),
        ("[{forest.ARFClassifier: {max_features: all}}]", "all", "one of sqrt, log2"),
        ("[{ensemble.BaggingClassifier: {n_models: 3}}]", "{n_models", "model of ensemble.BaggingClassifier"),
        ("[ensemble.BaggingClassifier]", "ens", "model of ensemble.BaggingClassifier"),
        ("[{ensemble.BaggingClassifier: {model: anomaly.LODA}}]", "anomaly.L", "another task"),
        ("[{linear_model.LogisticRegression: {optimizer: {optim.SDG: {}}}}]", "optim.S", "did you mean optim.SGD?"),
        ("[{a: {}, b: {}}]", "{a", "2 names"),
        ("[" + "{ensemble.BaggingClassifier: {model: " * 5 + "naive_bayes.GaussianNB" + "}}" * 5 + "]", "", "at most 3"),
    ],
)
def test_what_is_not_offered_is_refused_with_its_place(written: str, pointed: str, says: str) -> None:
    with pytest.raises(Refusal, match=re.escape(says)) as caught:
        compiled(written)
    line = texts_with(written)["models"].splitlines()[3]
    assert not pointed or caught.value.where == f"models.yaml:4:{line.index(pointed) + 1}"


def test_parameters_of_steps_stand_with_their_steps() -> None:
    with pytest.raises(Refusal, match="them with their steps"):
        compiled("[naive_bayes.GaussianNB]\n  parameters: {}")


def test_a_model_that_takes_milliseconds_is_for_replays_only() -> None:
    texts = texts_with("[{ensemble.BaggingClassifier: {model: {neighbors.KNNClassifier: {}}}}]")
    compile_release(1, texts)
    with pytest.raises(Refusal, match=r"model for replays only.*neighbors\.KNNClassifier.*weir replay"):
        try_release(texts)


def test_the_cost_of_a_model_is_measured_and_said() -> None:
    [line] = cost_lines(compile_release(1, texts_with("naive_bayes.GaussianNB")))
    assert re.match(r"model m: River takes about [\d,]+ µs of CPU to score an event and [\d,]+ µs to learn from one .* kB$", line)
    assert not list(cost_lines(compile_release(1, texts_with("anomaly.HalfSpaceTrees"))))


def test_what_inputs_add_is_worked_out_for_events_that_are_not_approved_alone() -> None:
    texts = texts_with("anomaly.StandardAbsoluteDeviation\n  publish_every: 1m", "[event.amount]")
    release = compile_release(1, texts | {"policy": TEXTS["policy"].replace("0.9", "0.8")})
    decode = Decoder(release.schema).decode
    amounts = [10.0 + id % 3 for id in range(60)] + [10.0, 900.0, 11.0]
    written = [{"id": id, "at": START_MS + 10_000 * id, "u": "u", "amount": amount} for id, amount in enumerate(amounts)]
    events = [decode(json.dumps(each).encode(), START_MS + 10_000 * id) for id, each in enumerate(written)]
    told: dict[str, list[dict[str, float]]] = {"approve": [], "block": []}
    for verdicts, batch in Replay(release, History(Batch.of(events, release.schema)), None).scored():
        for row, said in enumerate(Explanations(verdicts, batch).contributions()):
            if said:
                found = msgspec.to_builtins(said)
                told[ACTIONS[verdicts.actions[row]]].append(found["inputs"])
                assert not found["inputs"] or found["base"] + sum(found["inputs"].values()) == pytest.approx(verdicts.models["m"][row])
    assert told["approve"] and not any(told["approve"])
    assert told["block"] and all([*inputs] == ["event.amount"] for inputs in told["block"])
