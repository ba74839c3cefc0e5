import msgspec
from imitation import Imitation

AT_MS = 1_700_000_000_000
OWN = "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, parameters: {grace_period: 3}, inputs: [event.amount]}\n"
OTHER = OWN.replace("own", "other")
TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
fields: {amount: {type: decimal, retain: true}, tip: {type: decimal, retain: true}}
""",
    "features": "- {name: count_1h, template: count, window: 1h}",
    "models": OWN,
    "policy": "{score: first_ready(own), bands: [{below: 0.9, action: approve}, {action: block}], fallback: {action: approve}}",
}


def events(first: int, count: int) -> list[bytes]:
    rows = range(first, first + count)
    return [msgspec.json.encode({"id": i, "at": AT_MS + i, "who": "a", "amount": 1_000 + i % 3, "tip": i % 3}) for i in rows]


def own_scores(*models: str) -> list[float]:
    """Scores of `own` over ten events under each of the models in turn."""
    job = Imitation()
    for release, text in enumerate(models, 1):
        job.release(release, {**TEXTS, "models": text})
        job.events(events(10 * release, 10))
    return [decision["models"]["own"]["score"] for decision in job.decisions()]


def test_a_detector_of_the_user_that_is_given_another_input_begins_anew() -> None:
    of_tips = own_scores(OWN, OWN.replace("event.amount", "event.tip"))[10:]
    assert of_tips[:3] == [0.0, 0.0, 0.0]
    assert any(of_tips)


def test_another_detector_beside_it_changes_nothing() -> None:
    assert own_scores(OWN, OTHER + OWN, OWN) == own_scores(OWN, OWN, OWN)


def test_a_detector_that_comes_back_begins_anew() -> None:
    """Its numbers went with the first event under the release that did not have it; they are not kept for a way back."""
    of_tips = OWN.replace("event.amount", "event.tip")
    assert own_scores(OWN, of_tips, OWN)[20:23] == [0.0, 0.0, 0.0]


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
