"""Bodies of messages."""

import json

import pytest

from alerts.webhooks.message import BODY_BYTES_MAX, body_of
from foundation.refusal import Refusal


def test_a_body_says_what_happened_when_and_to_what() -> None:
    body = body_of("alert.opened", 1_764_460_800_123, {"id": "a1"}, {})
    assert json.loads(body) == {"type": "alert.opened", "timestamp": "2025-11-30T00:00:00.123Z", "data": {"id": "a1"}}


def test_a_body_that_would_be_too_large_leads_to_the_rest() -> None:
    body = body_of("alert.opened", 0, {"id": "a1", "events": ["é" * 100] * 200}, {"id": "a1"})
    assert json.loads(body)["data"] == {"id": "a1", "is_shortened": True}
    assert len(body_of("a", 0, {"id": "x" * (BODY_BYTES_MAX - 75)}, {})) <= BODY_BYTES_MAX


def test_links_that_are_too_large_are_refused() -> None:
    with pytest.raises(Refusal, match="too large"):
        body_of("alert.opened", 0, {"id": "x" * BODY_BYTES_MAX}, {"id": "x" * BODY_BYTES_MAX})


@pytest.mark.parametrize("type", ["", "Alert", "alert opened", "alert..opened", "alert.", "alert\n", "älert"])
def test_what_is_no_type_is_refused(type: str) -> None:
    with pytest.raises(Refusal):
        body_of(type, 0, {}, {})
