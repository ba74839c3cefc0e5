"""Of a decision is kept what each input added to its score, beside the score."""

import msgspec

from pipeline.effects.digest import Digest

OWN = {"event_id": "1", "revision": 0, "event_time": 1_700_000_000_000, "user": "u", "action": "approve", "release": 1}


class Message:
    """A record of the topic of decisions."""

    def __init__(self, **more: object) -> None:
        self._value = msgspec.json.encode(OWN | more)

    def error(self) -> None: ...

    def topic(self) -> str:
        return "decisions"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 0

    def value(self) -> bytes:
        return self._value


def shares_of(contributions: object) -> object:
    digest = Digest({}, 0, "decisions")
    digest.take([Message(contributions=contributions)])  # type: ignore[list-item]
    [event] = digest.work.scored
    return event.shares


def test_what_inputs_added_to_a_score_is_kept_and_what_is_not_known_is_left_out() -> None:
    told = {"model": "shape", "scale": "score", "base": 0.1, "inputs": {"event.amount": 0.25, "feature.x": -0.5, "feature.y": None}}
    assert shares_of(told) == {"shape": {"event.amount": 0.25, "feature.x": -0.5}}


def test_a_decision_without_a_score_and_one_whose_inputs_are_not_told_have_none() -> None:
    assert shares_of({}) == {}
    assert shares_of({"model": "shape", "scale": "score", "base": 0.1, "inputs": {}}) == {}
