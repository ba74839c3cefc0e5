"""What follows from an attempt."""

import email.utils

import pytest

from alerts.webhooks.attempts import HOUR_MS, JITTER, MINUTE_MS, WAITS_MS, Reply, Verdict, read_waits, retry_after_ms, what_follows
from foundation.refusal import Refusal
from foundation.settings import Settings

NOW_MS = 1_764_460_800_000


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_status_of_success_is_a_delivery(status: int) -> None:
    assert what_follows(Reply(status), 1, NOW_MS, 0.5).verdict is Verdict.DELIVERED


@pytest.mark.parametrize("status", [None, 100, 300, 301, 302, 307, 308, 400, 401, 404, 422, 429, 500, 502, 503, 504])
def test_every_other_status_and_no_answer_at_all_are_tried_again(status: int | None) -> None:
    found = what_follows(Reply(status), 1, NOW_MS, 0.5)
    assert (found.verdict, found.at_ms) == (Verdict.RETRY, NOW_MS + 5_000)


def test_a_receiver_that_is_gone_gets_nothing_more() -> None:
    assert what_follows(Reply(410), 1, NOW_MS, 0.5).verdict is Verdict.GONE


def test_waits_grow_to_a_day_and_end_after_the_tenth_attempt() -> None:
    waits = [what_follows(Reply(500), attempt, NOW_MS, 0.5).at_ms for attempt in range(1, 10)]
    assert [at_ms and at_ms - NOW_MS for at_ms in waits] == list(WAITS_MS)
    assert waits[1] == NOW_MS + 5 * MINUTE_MS and waits[8] == NOW_MS + 24 * HOUR_MS
    assert what_follows(Reply(500), 10, NOW_MS, 0.5).verdict is Verdict.DEAD


def test_waits_are_those_of_the_standard_unless_a_setting_says_otherwise() -> None:
    assert read_waits(Settings().webhook_waits, "waits") == WAITS_MS
    assert read_waits("250ms, 7d", "waits") == (250, 7 * 24 * HOUR_MS)


@pytest.mark.parametrize("text", ["", "5", "5s,,5m", "8d", "0s", "-1s", "&a [5s]", ", ".join(["1s"] * 21)])
def test_waits_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(Refusal):
        read_waits(text, "WEIR_WEBHOOK_WAITS")


def test_chance_moves_a_wait_by_at_most_a_tenth() -> None:
    for chance, factor in ((0.0, 1 - JITTER), (0.999999, 1 + JITTER)):
        at_ms = what_follows(Reply(500), 2, NOW_MS, chance).at_ms
        assert at_ms is not None and abs(at_ms - NOW_MS - 5 * MINUTE_MS * factor) < 100


@pytest.mark.parametrize("status", [429, 502, 504])
def test_an_overloaded_receiver_is_spared_whole(status: int) -> None:
    assert what_follows(Reply(status), 1, NOW_MS, 0.5).is_slow_down
    assert not what_follows(Reply(500), 1, NOW_MS, 0.5).is_slow_down


def test_a_receiver_that_names_a_time_is_not_asked_before() -> None:
    assert what_follows(Reply(503, "120"), 1, NOW_MS, 0.5).at_ms == NOW_MS + 120_000
    assert what_follows(Reply(503, "1"), 1, NOW_MS, 0.5).at_ms == NOW_MS + 5_000
    assert what_follows(Reply(503, "120"), 1, NOW_MS, 0.5).is_slow_down


@pytest.mark.parametrize(
    ("header", "wait_ms"),
    [
        ("0", 0),
        (" 7 ", 7_000),
        ("99999999999999999999", 24 * HOUR_MS),
        (email.utils.formatdate(NOW_MS / 1_000 + 90, usegmt=True), 90_000),
        (email.utils.formatdate(NOW_MS / 1_000 - 90, usegmt=True), 0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        ("Fri, 99 Zzz 2026 00:00:00 GMT", None),
    ],
)
def test_the_time_that_a_receiver_names_is_read_and_bounded(header: str, wait_ms: int | None) -> None:
    assert retry_after_ms(header, NOW_MS) == wait_ms
