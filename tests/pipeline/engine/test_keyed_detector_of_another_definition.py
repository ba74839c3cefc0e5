from typing import Any

import msgspec
import numpy as np
import pytest
from imitation import Imitation

from detectors.keyed.gaussian import GaussianScorer
from features.profiles.sections import RESTING_MAX
from pipeline.engine.definitions.own_detectors import detectors_that_warm
from pipeline.engine.definitions.release import compile_release

AT_MS = 1_700_000_000_000
OWN = "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, parameters: {grace_period: 3}, inputs: [event.amount]}\n"
OTHER = OWN.replace("own", "other")
OF_TIPS, OF_FEES, OF_COUNTS = (OWN.replace("event.amount", name) for name in ("event.tip", "event.fee", "feature.count_1h"))
TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
fields: {amount: {type: decimal, scale: 2, retain: true}, tip: {type: decimal, retain: true}, fee: {type: decimal}}
""",
    "features": "- {name: count_1h, template: count, window: 1h}",
    "models": OWN,
    "policy": "{score: first_ready(own), bands: [{below: 0.9, action: approve}, {action: block}], fallback: {action: approve}}",
}


def events(first: int, count: int) -> list[bytes]:
    rows = range(first, first + count)
    return [
        msgspec.json.encode(
            {"id": i, "at": AT_MS + i, "who": "a", "amount": 1_000 + i % 3 + 500 * (i % 7 == 6), "tip": i % 3, "fee": i % 4}
        )
        for i in rows
    ]


def decisions_under(*models: str) -> list[dict[str, Any]]:
    """Decisions on ten events under each of the models in turn."""
    job = Imitation()
    for release, text in enumerate(models, 1):
        job.release(release, {**TEXTS, "models": text})
        job.events(events(10 * release, 10))
    return job.decisions()


def own_scores(*models: str) -> list[float]:
    """The scores of `own` among these."""
    return [decision["models"]["own"]["score"] for decision in decisions_under(*models)]


def test_a_detector_that_is_given_another_input_begins_with_what_history_holds_of_that() -> None:
    of_tips = OWN.replace("event.amount", "event.tip")
    assert own_scores(OWN, of_tips)[10:] == own_scores(of_tips, of_tips)[10:]


def test_a_new_detector_scores_as_if_it_had_run_from_the_start_where_its_input_is_retained() -> None:
    for kind in ("anomaly.GaussianScorer", "stats.DecayedQuantile"):
        own = OWN.replace("anomaly.GaussianScorer", kind)
        scores = own_scores(OTHER + own, OTHER + own, OTHER + own)
        assert own_scores(OWN.replace("grace_period: 3", "grace_period: 4"), OTHER + own, OTHER + own)[10:] == scores[10:]
        assert any(scores[10:])


def test_a_new_detector_of_what_is_not_retained_begins_with_nothing() -> None:
    scores = own_scores(OWN, OF_FEES)[10:]
    assert scores[:3] == [0.0, 0.0, 0.0]
    assert any(scores)


def test_another_detector_beside_it_changes_nothing() -> None:
    assert own_scores(OWN, OTHER + OWN, OWN) == own_scores(OWN, OWN, OWN)


@pytest.mark.parametrize("input", ["event.amount", "event.fee", "feature.count_1h"])
def test_a_detector_that_comes_back_goes_on_from_where_it_was(input: str) -> None:
    """What came meanwhile it has not seen."""
    own = OWN.replace("event.amount", input)
    decisions = decisions_under(own, OWN.replace("event.amount", "event.tip"), own)
    place, _, name = input.partition(".")
    own_decisions = decisions[:10] + decisions[20:]
    values = np.array([decision["event" if place == "event" else "features"][name] for decision in own_decisions])
    alone = np.empty(20)
    GaussianScorer(grace_period=3).score_learn_many(np.zeros((1, 3)), np.zeros(20, np.int64), values, alone)
    assert [decision["models"]["own"]["score"] for decision in own_decisions] == alone.tolist()


def test_a_detector_comes_back_after_a_restart_under_the_release_without_it() -> None:
    jobs = []
    for restarts in (False, True):
        job = Imitation()
        for release, text in enumerate((OF_FEES, OWN, OF_FEES), 1):
            job.release(release, TEXTS | {"models": text})
            job.events(events(10 * release, 10))
            if restarts:
                job.checkpoint()
                job = Imitation(user_state=job.user_state)
        jobs.append(job)
    scores = [decision["models"]["own"]["score"] for decision in jobs[0].decisions()[20:]]
    assert scores[0] > 0.0
    job = Imitation(user_state=jobs[1].user_state)
    job.release(4, TEXTS | {"models": OF_FEES})
    jobs[0].release(4, TEXTS | {"models": OF_FEES})
    for each in (jobs[0], job):
        each.events(events(40, 10))
    assert jobs[0].decisions()[-10:] == job.decisions()


def test_numbers_of_the_last_detectors_alone_rest_in_a_profile() -> None:
    others = [OF_FEES.replace("grace_period: 3", f"grace_period: {3 + n}") for n in range(1, RESTING_MAX + 1)]
    assert own_scores(OF_FEES, *others[:-1], OF_FEES)[-10] > 0.0
    assert own_scores(OF_FEES, *others, OF_FEES)[-10] > 0.0
    assert own_scores(OF_FEES, *others, OWN, OF_FEES)[-10:][:3] == [0.0, 0.0, 0.0]


def test_a_restart_under_a_release_with_another_detector_beside_it_changes_nothing() -> None:
    before = Imitation()
    before.release(1, {**TEXTS, "models": OWN})
    before.events(events(10, 10))
    before.checkpoint()
    after = Imitation(user_state=before.user_state)
    after.release(2, {**TEXTS, "models": OTHER + OWN})
    after.events(events(20, 10))
    scores = [decision["models"]["own"]["score"] for decision in after.decisions()]
    assert scores == own_scores(OWN, OWN)[10:]
    assert scores[0] > 0.0


def test_an_upload_says_which_detectors_begin_with_nothing() -> None:
    old = compile_release(1, TEXTS)
    for text, warming in ((OTHER + OWN, ()), (OF_TIPS, ()), (OF_FEES, ("own",)), (OWN + OF_COUNTS.replace("own", "counts"), ("counts",))):
        new = compile_release(2, TEXTS | {"models": text})
        assert detectors_that_warm(old.models, new.models, old.features, new.features) == warming
    unretained = TEXTS["schema"].replace("tip: {type: decimal, retain: true}", "tip: {type: decimal}")
    old = compile_release(1, TEXTS | {"schema": unretained})
    new = compile_release(2, TEXTS | {"models": OF_TIPS})
    assert detectors_that_warm(old.models, new.models, old.features, new.features) == ("own",)
