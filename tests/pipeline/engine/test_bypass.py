import msgspec
import pytest
from imitation import Imitation

from foundation.refusal import Refusal
from patterns.bypass import read_bypass
from pipeline.engine.definitions.release import compile_release

START_MS = 1_700_000_000_000
TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\nfields: {amount: {type: decimal, scale: 2}}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount],"
    " parameters: {grace_period: 2}}\n",
    "policy": "score: first_ready(own)\nbands: [{action: block}]\nfallback: {action: review}\n",
}
SWITCHED = {mode: TEXTS | {"bypass": f"mode: '{mode}'\nreason: drill\n"} for mode in ("approve_all", "fallback_only", "off")}


def payments(first: int, count: int = 6) -> list[bytes]:
    return [
        msgspec.json.encode({"id": id, "at": START_MS + 1_000 * id, "who": "u1", "amount": 10.0 + id % 4})
        for id in range(first, first + count)
    ]


def decided(texts: dict[str, str]) -> list[dict[str, object]]:
    """Six events, then six with `texts` in force."""
    job = Imitation()
    job.release(1, TEXTS)
    job.events(payments(0))
    job.release(2, texts)
    job.events(payments(6))
    return job.decisions()[6:]


@pytest.mark.parametrize(("mode", "action"), [("approve_all", "approve"), ("fallback_only", "review")])
def test_scores_models_and_features_go_on_and_the_action_is_the_bypasses(mode: str, action: str) -> None:
    for one, other in zip(decided(SWITCHED[mode]), decided(TEXTS), strict=True):
        assert (one["action"], other["action"]) == (action, "block")
        assert "bypass" in one["flags"] and "bypass" not in other["flags"]
        assert one["score"] is not None
        assert all(one[name] == other[name] for name in ("score", "models", "features"))


def test_when_it_is_off_the_score_decides() -> None:
    assert all(decision["action"] == "block" and "bypass" not in decision["flags"] for decision in decided(SWITCHED["off"]))


def test_replies_to_new_to_repeated_and_to_refused_events_say_so() -> None:
    job = Imitation()
    job.release(1, TEXTS)
    job.events(payments(0, 1), reply="api-1")
    job.release(2, SWITCHED["approve_all"])
    job.events(
        [*payments(1, 1), *payments(1, 1), *payments(0, 1), b"{}", msgspec.json.encode({"id": 9, "at": 5, "who": "u1", "amount": 1})],
        reply="api-1",
    )
    replies = [msgspec.json.decode(value) for _, value in job.out["R"]]
    told = {(reply["event_id"], reply["action"], "bypass" in reply["flags"], "duplicate" in reply["flags"]) for reply in replies}
    assert told == {
        ("0", "block", False, False), ("1", "approve", True, False), ("1", "approve", True, True), ("0", "block", False, True),
        ("", "approve", True, False), ("9", "approve", True, False),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("mode: sometimes\nreason: x", "bypass:1:7"),
        ("mode: approve_all\nreason: ' '", "bypass:2:9"),
        ("mode: approve_all", "bypass"),
        ("[]", "bypass"),
        ("reason: x", "bypass"),
    ],
)
def test_a_bad_bypass_is_refused_with_its_place(text: str, where: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_bypass(text)
    assert refused.value.where.startswith(where)


def test_a_release_of_an_unknown_part_is_refused() -> None:
    for part in ("rules", "list:Upper", "list:"):
        with pytest.raises(Refusal):
            compile_release(1, TEXTS | {part: "x"})
    assert compile_release(1, TEXTS | {"list:a": "x\n"}).lists == ("a",)
