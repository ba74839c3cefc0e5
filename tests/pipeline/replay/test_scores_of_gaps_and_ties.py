"""Events that are all alike, and inputs that go missing upstream: neither is a reason to block."""

import pathlib

import msgspec
import numpy as np
import pandas as pd
import pytest
from imitation import Imitation

from pipeline.replay.replay_command import replay_files

AT_MS = 1_767_884_551_090
SHAPE = (
    "- {name: shape, kind: river, model: anomaly.HalfSpaceTrees, publish_every: 10m, inputs: [INPUTS], "
    "parameters: {n_trees: 50, height: 6, window_size: 100, scaling: standard, seed: 1, recent_scores: 300}}\n"
)
OWN = "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, parameters: {grace_period: 3}, inputs: [event.tip]}\n"
FRAUD = "- {name: fraud, kind: river, model: linear_model.LogisticRegression, inputs: [event.amount], publish_every: 10m}\n"
BANDS = "bands: [{below: 0.985, action: approve}, {below: 0.998, action: review}, {action: block}]"


def texts(models: str, policy: str) -> dict[str, str]:
    return {
        "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\n"
        "fields:\n  amount: {type: decimal, required: false}\n  tip: {type: decimal, required: false}\n",
        "features": "- {name: count_1h, template: count, window: 1h}\n- {name: mean_1h, template: mean, value: event.amount, window: 1h}\n",
        "models": models,
        "policy": f"score: first_ready({policy})\n{BANDS}\nfallback: {{action: review}}\n",
    }


def replayed(folder: pathlib.Path, parts: dict[str, str], events: list[dict[str, object]]) -> pd.DataFrame:
    """The decisions of a replay, a row an event."""
    for part, text in parts.items():
        (folder / f"{part}.yaml").write_text(text)
    (folder / "events.jsonl").write_bytes(b"\n".join(msgspec.json.encode(event) for event in events))
    replay_files([folder / "events.jsonl"], folder, out=folder / "out", label_column="label" if "label" in events[0] else "")
    return pd.read_parquet(folder / "out/decisions.parquet")


def payments(count: int, missing_from: int | None = None) -> list[dict[str, object]]:
    """Payments of 20 users, one each ten seconds, whose amounts are not given from one of them on."""
    amounts = np.random.default_rng(1).lognormal(4, 0.5, count).round(2).tolist()
    events: list[dict[str, object]] = []
    for row, amount in enumerate(amounts):
        events.append({"id": row, "at": AT_MS + 10_000 * row, "who": f"u{row % 20}", "amount": amount, "tip": amount})
        if missing_from is not None and row >= missing_from:
            del events[-1]["amount"]
    return events


def test_events_that_are_all_alike_are_approved_in_the_middle_of_the_scale(tmp_path: pathlib.Path) -> None:
    events = [{**event, "amount": 9.99} for event in payments(600)]
    found = replayed(tmp_path, texts(SHAPE.replace("INPUTS", "event.amount"), "shape"), events)
    scored = found[found.score.notna()]
    assert len(scored) > 400
    assert scored.score.sub(0.5).abs().max() < 0.02
    assert set(scored.action) == {"approve"}


def test_a_model_whose_only_input_goes_missing_says_nothing_and_the_next_one_speaks(tmp_path: pathlib.Path) -> None:
    parts = texts(SHAPE.replace("INPUTS", "event.amount") + OWN, "shape, own")
    found = replayed(tmp_path, parts, payments(1_200, missing_from=600))
    gone = found[found.index >= 600]
    assert gone["model.shape"].isna().all()
    assert (gone.score == gone["model.own"]).all()
    assert found["model.shape"][200:600].notna().all()


@pytest.mark.slow
def test_a_model_that_learns_from_labels_says_nothing_of_a_gap_either(tmp_path: pathlib.Path) -> None:
    events = [{**event, "label": row % 3 == 0} for row, event in enumerate(payments(1_200, missing_from=900))]
    for event in events:
        event["at"] = AT_MS + (int(str(event["at"])) - AT_MS) * 360
    parts = texts(FRAUD + OWN, "fraud, own")
    found = replayed(tmp_path, parts, events)
    assert found["model.fraud"][700:900].notna().all()
    assert found["model.fraud"][900:].isna().all()
    assert (found.score == found["model.own"])[900:].all()


def test_what_is_mostly_missing_teaches_nothing(tmp_path: pathlib.Path) -> None:
    before, gap = payments(600), payments(900, missing_from=600)[600:]
    after = [{**event, "id": 2_000 + row, "at": AT_MS + 10_000_000 + 10_000 * row} for row, event in enumerate(payments(300))]
    parts = texts(SHAPE.replace("INPUTS", "event.amount"), "shape")
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    with_gap = replayed(tmp_path / "with", parts, before + gap + after).set_index("event_id")
    without = replayed(tmp_path / "without", parts, before + after).set_index("event_id")
    assert len(with_gap) == len(without) + 300
    assert with_gap.loc[without.index].score.equals(without.score)


def test_one_input_of_three_that_goes_missing_does_not_block_every_payment(tmp_path: pathlib.Path) -> None:
    parts = texts(SHAPE.replace("INPUTS", "event.amount, feature.count_1h, event.tip"), "shape")
    found = replayed(tmp_path, parts, payments(3_000, missing_from=1_000))
    assert found["model.shape"][1_000:].notna().all()
    usual, gone = found.score[300:1_000], found.score[1_000:]
    assert (gone >= 0.985).mean() <= (usual >= 0.985).mean() + 0.02


def test_where_no_model_speaks_the_fallback_decides_and_says_which_inputs_are_gone() -> None:
    job = Imitation()
    job.release(1, texts(OWN, "own"))
    job.events([msgspec.json.encode({"id": row, "at": AT_MS + row, "who": "a", **({"tip": 1.5} if row < 5 else {})}) for row in range(8)])
    first, last = job.decisions()[4], job.decisions()[7]
    assert (first["action"], first["score"], first["reasons"]) == ("approve", 0.0, [])
    assert (last["action"], last["score"], last["flags"]) == ("review", None, ["warming"])
    assert last["reasons"] == ["own gives no score: more than half of its inputs are missing"]


@pytest.mark.parametrize("again", [1, 2])
def test_a_duplicate_of_an_event_with_a_gap_is_answered_with_the_same_reason(again: int) -> None:
    job = Imitation()
    job.release(1, texts(OWN, "own"))
    event = msgspec.json.encode({"id": 1, "at": AT_MS, "who": "a"})
    for _ in range(again + 1):
        job.events([event], reply="api")
    assert msgspec.json.decode(job.out["R"][-1][1])["reasons"] == ["own gives no score: more than half of its inputs are missing"]
