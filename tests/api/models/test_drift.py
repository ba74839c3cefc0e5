"""What drifts is told by the API, by the command and among the figures, and only what was the same before is compared."""

import re

import msgspec
import numpy as np
import pytest
from api_imitation import TEXTS, Api
from prometheus_client import CollectorRegistry, generate_latest

from api.models.drifting import Drifting
from api.models.model_shapes import ShownDrift, ShownDrifts
from api.operations.drift_figures import DriftFigures
from deploy.api_commands.model_commands import say_drift
from pipeline.comparison.newest_drift import DriftMeasure
from pipeline.comparison.unchanged import Unchanged
from stores.effects import GivenLabel, Work
from stores.offsets import Progress
from stores.scored_events import ScoredEvent, sample_place

DAY_MS = 86_400_000
FROM_MS = 20_000 * DAY_MS
DAYS = 17
LABELS_DAY = DAYS - 1 - 7
"""The newest day that is older than `labels.negative_after`, 7 days."""
TEXTS_OF_THREE = TEXTS | {
    "models": TEXTS["models"] + "- {name: counts, kind: river, model: anomaly.HalfSpaceTrees, inputs: [feature.count_1h]}\n"
    "- {name: both, kind: combine, of: [own, counts]}\n"
}


@pytest.fixture(autouse=True)
async def in_force(api: Api) -> None:
    """Three models: of the amount, of a feature, and of both scores."""
    api.in_force.release, api.in_force.texts = None, {}
    (await api.client.post("/v1/releases", json=TEXTS_OF_THREE)).raise_for_status()


def scored(api: Api, before: int) -> None:
    """60 events on each day, 300 on the two that are measured.

    The amounts of the last day are greater, the counts are as ever, and fraud is frequent on the day whose outcomes are known.

    Args:
        before: the release that decided before the last day.
    """
    draw, id = np.random.default_rng(5), api.in_force.require()[0].id
    events, labels = [], []
    for day in range(DAYS):
        last = day == DAYS - 1
        for at in range(300 if last or day == LABELS_DAY else 60):
            name, user, day_ms = f"e{day}/{at}", f"u{at}", FROM_MS + day * DAY_MS
            numbers = {"event.amount": draw.normal(9.0 if last else 5.0), "feature.count_1h": draw.normal(), "feature.unread": 7.0}
            scores = {"own": draw.random(), "counts": draw.random(), "both": None}
            where = (day_ms + at, sample_place(user, day_ms), "approve", id if last else before)
            events.append(ScoredEvent(name, user, *where, None, scores, numbers))
            labels += [GivenLabel(name, "analyst", 1, 5)] if at % (5 if day == LABELS_DAY else 30) == 0 else []
    api.effects.apply(Work(Progress({}, {"decisions/0": 1}), scored=events, labels=labels, newest_ms=FROM_MS + DAYS * DAY_MS), FROM_MS)


async def drifts(api: Api) -> ShownDrifts:
    answer = await api.client.get("/v1/models:drift")
    return msgspec.json.decode(answer.raise_for_status().content, type=ShownDrifts)


async def test_inputs_scores_and_the_share_of_fraud_are_measured_and_what_drifts_comes_first(api: Api) -> None:
    scored(api, api.in_force.require()[0].id)
    found = await drifts(api)
    assert (found.day_ms, found.labels_day_ms) == (FROM_MS + (DAYS - 1) * DAY_MS, FROM_MS + LABELS_DAY * DAY_MS)
    by_subject = {each.subject: each for each in found.drifts}
    assert [each.subject for each in found.drifts[:2]] == ["event.amount", "label_rate"]
    assert set(by_subject) == {"event.amount", "feature.count_1h", "model.own", "model.counts", "label_rate"}
    assert {each.subject for each in found.drifts if each.beyond} == {"event.amount", "label_rate"}
    amount, rate = by_subject["event.amount"], by_subject["label_rate"]
    assert (amount.events, amount.reference_events) == (300, 15 * 60 + 300)
    assert (amount.usual, amount.now) == (pytest.approx(5.0, abs=0.2), pytest.approx(9.0, abs=0.2))
    assert sum(each.events for each in amount.bins) == 300
    assert amount.bins[0].least is None
    assert amount.bins[-1].is_missing
    assert amount.bins[-2].most is None
    assert amount.bins[-2].events > 200 > amount.bins[-2].reference_events
    assert rate.bins == []
    assert (rate.usual, rate.now) == (pytest.approx(1 / 30), pytest.approx(1 / 5))


async def test_only_releases_in_which_a_number_and_a_model_were_the_same_are_compared(api: Api) -> None:
    first = api.in_force.require()[0].id
    more = TEXTS_OF_THREE["features"] + "- {name: count_2h, template: count, window: 2h}\n"
    (await api.client.put("/v1/features", content=more)).raise_for_status()
    assert api.in_force.require()[0].id > first
    scored(api, first)
    assert len((await drifts(api)).drifts) == 5
    other = TEXTS_OF_THREE["models"].replace("HalfSpaceTrees, inputs", "HalfSpaceTrees, parameters: {n_trees: 5}, inputs")
    (await api.client.put("/v1/models", content=other)).raise_for_status()
    left = {each.subject for each in (await drifts(api)).drifts}
    assert left == {"event.amount", "model.own", "label_rate"}, "before the features changed, the feature was that of another model"


async def test_of_a_system_without_events_nothing_is_said(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    found = await drifts(api)
    assert found == ShownDrifts(0, 0, [])
    say_drift(found)
    assert "nothing was seen on 200 events" in capsys.readouterr().out


async def test_the_figures_say_what_has_drifted_as_of_the_last_look(api: Api) -> None:
    scored(api, api.in_force.require()[0].id)
    figures, registry = DriftFigures(Drifting(DriftMeasure(api.effects, Unchanged(api.registry)), api.in_force)), CollectorRegistry()
    registry.register(figures)
    assert await figures.look()
    lines = dict(line.rsplit(" ", 1) for line in generate_latest(registry).decode().splitlines() if not line.startswith("#"))
    assert float(lines['weir_drift_index{of="event.amount"}']) > 1.0
    assert (lines['weir_drift_beyond_limit{of="event.amount"}'], lines['weir_drift_beyond_limit{of="model.own"}']) == ("1.0", "0.0")
    release, api.in_force.release = api.in_force.release, None
    assert not await figures.look()
    api.in_force.release = release
    assert 'weir_drift_index{of="event.amount"}' in generate_latest(registry).decode()


def test_the_command_prints_what_has_drifted_and_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    found = [
        ShownDrift("feature.spent_24h", 0.41234, 0.2, True, 1_000, 28_000, 40.125, 12.5),
        ShownDrift("event.distance", 0.0, 0.2, False, 1_000, 28_000, None, None),
    ]
    say_drift(ShownDrifts(FROM_MS, FROM_MS - 7 * DAY_MS, found))
    first, drifted, other = capsys.readouterr().out.splitlines()
    assert first == "2024-10-04, of label_rate 2024-09-27, against the 28 days before"
    assert re.sub(" +", " ", drifted) == "drift feature.spent_24h 0.412 > 0.200 usual 12.5, now 40.125 1,000 events"
    assert re.sub(" +", " ", other) == "- event.distance 0.000 ≤ 0.200 usual missing, now missing 1,000 events"
