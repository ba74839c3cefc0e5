"""A release may cost so much CPU to compile and to try, and no more."""

import os
import pathlib

import pytest
from click.testing import CliRunner

from api.trials.change import compile_change
from deploy.command import main
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.trial.trial_budget import try_within

SAMPLES = sorted(pathlib.Path("deploy/samples").iterdir())
PARTS = ("schema", "features", "models", "policy")
TEXTS = {
    "schema": "{id: id, time: {field: at}, user: user, fields: {amount: {type: float}}}",
    "features": "- {name: twice, expression: event.amount * 2.0}\n",
    "models": "- {name: odd, model: anomaly.HalfSpaceTrees, inputs: [event.amount]}\n",
    "policy": "score: first_ready(odd)\nbands: [{action: approve}]\n",
}
SUM = " + ".join(f"{n}.5" for n in range(1_000))
DEAR = TEXTS | {"features": "".join(f'- {{name: f{n}, expression: "event.amount + {n}.0 + {SUM}"}}\n' for n in range(4))}


def of_sample(folder: pathlib.Path) -> dict[str, str]:
    return {part: (folder / f"{part}.yaml").read_text() for part in PARTS}


@pytest.mark.parametrize("folder", SAMPLES, ids=lambda folder: folder.name)
def test_every_sample_costs_a_fraction_of_what_a_release_may(folder: pathlib.Path) -> None:
    _, cost = try_within(of_sample(folder), Settings().compile_cpu_ms_max)
    assert cost.cpu_ms < Settings().compile_cpu_ms_max / 2
    assert list(cost.parts) == ["schema.yaml", "features.yaml", "models.yaml", "synthetic events"]
    assert list(cost.steps_ns) == ["features", "models", "thresholds", "rules", "policy", "lessons", "record"]


def test_a_release_that_costs_more_is_refused_with_what_was_spent_where_and_what_to_do() -> None:
    with pytest.raises(Refusal) as caught:
        try_within(DEAR, 20)
    refusal = caught.value
    assert (refusal.what, refusal.where) == ("release too dear to compile", "features.yaml")
    assert refusal.expected.startswith("at most 20 ms of CPU")
    assert "features.yaml " in refusal.got
    assert "WEIR_COMPILE_CPU_MS_MAX" in refusal.remedy


def test_what_was_too_dear_once_is_too_dear_when_it_is_sent_again() -> None:
    for _ in range(2):
        with pytest.raises(Refusal, match="release too dear to compile"):
            try_within(DEAR, 20)


def test_weir_check_says_what_compiling_costs_and_refuses_what_costs_too_much(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part, text in DEAR.items():
        (tmp_path / f"{part}.yaml").write_text(text)
    run = CliRunner().invoke(main, ["check", str(tmp_path)])
    assert run.exit_code == 0, run.output
    assert "ms of CPU (schema.yaml" in run.output
    assert "at most 2000 are allowed" in run.output
    assert "ns of CPU in the engine (features " in run.output
    monkeypatch.setitem(os.environ, "WEIR_COMPILE_CPU_MS_MAX", "1")
    run = CliRunner().invoke(main, ["check", str(tmp_path)])
    assert run.exit_code == 2
    assert "release too dear to compile" in run.output


def test_an_upload_is_tried_within_the_bound_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_COMPILE_CPU_MS_MAX", "20")
    with pytest.raises(Refusal, match="release too dear to compile"):
        compile_change(None, DEAR, {})
