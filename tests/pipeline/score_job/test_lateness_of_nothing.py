import msgspec
from imitation import Imitation

AT_MS = 1_700_000_000_000
TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\nlateness: 0s\n",
    "features": "- {name: count_1h, template: count, window: 1h}",
    "models": "[]",
    "policy": "{score: first_ready(own), bands: [{action: approve}]}",
}
OWN = "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [feature.count_1h]}"


def test_without_lateness_an_event_of_the_newest_moment_is_in_time_and_one_before_it_is_too_late() -> None:
    job = Imitation()
    job.release(1, TEXTS | {"models": OWN})
    job.events([msgspec.json.encode({"id": id, "at": AT_MS + at, "who": "a"}) for id, at in ((1, 5), (2, 5), (3, 4), (4, 6))])
    assert [decision["event_id"] for decision in job.decisions()] == ["1", "2", "4"]
    assert [decision["features"]["count_1h"] for decision in job.decisions()] == [1.0, 2.0, 3.0]
    assert len(job.out["T"]) == 1
