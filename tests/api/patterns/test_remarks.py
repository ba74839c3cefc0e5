"""An upload of rules is answered with what each costs, and with warnings of what traffic never had."""

from typing import Any

import pytest
from api_imitation import NOW_MS, TEXTS, Api

from stores.metrics.metric_rows import MINUTE_MS, MetricRow
from stores.metrics.metrics import MetricsUnavailableError

SCHEMA = TEXTS["schema"] + (
    "  category: {type: string, dimension: true}\n  kind: {type: string, dimension: true, required: false}\n"
    "  note: {type: string, required: false}\n"
)
STEPS = """
title: Twice
owner: team
status: draft
adaptive: {usual: {of: event.amount, rate: 1/100}}
when: event.amount > adaptive.usual
sequence:
  key: terminal
  within: 1h
  steps:
    - {name: one, when: event.amount > 1.0}
    - {name: two, when: event.amount > 2.0 * one.mean(event.amount)}
"""
NOW_MINUTE_MS = NOW_MS // MINUTE_MS * MINUTE_MS


def rule(when: str) -> str:
    return f"title: A rule\nowner: team\nstatus: draft\nwhen: '{when}'\nthen: {{action: block}}\n"


@pytest.fixture(autouse=True)
async def in_force(api: Api) -> None:
    api.in_force.release, api.in_force.texts = None, {}
    (await api.client.post("/v1/releases", json=TEXTS | {"schema": SCHEMA})).raise_for_status()


def decided(api: Api, *texts: tuple[str, str], days_ago: int = 0) -> None:
    time = NOW_MINUTE_MS - days_ago * 1_440 * MINUTE_MS
    given = {"metric": "decisions", "count": 1, "action": "approve", "score_band": "none"}
    rows = [MetricRow(time=time, dimensions={"category": category, "kind": kind}, **given) for category, kind in texts]  # type: ignore[arg-type]
    api.metrics.add(rows, {})


async def remarks(api: Api, text: str) -> dict[str, Any]:
    answer = await api.client.put("/v1/patterns/new", content=text)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["remarks"]
    return found


async def test_an_uploaded_rule_is_answered_with_its_cost_and_the_state_of_each_key_and_what_it_may_cost(api: Api) -> None:
    found = await remarks(api, STEPS)
    assert found["state_of"] == ["customer", "terminal"]
    assert 0 < found["cost_ns"] < found["cost_ns_max"] == 50_000
    assert 0 < found["state_bytes"] < found["state_bytes_max"] == 65_536
    plain = await remarks(api, rule("event.amount > 1.0"))
    assert (plain["state_of"], plain["state_bytes"], plain["warnings"]) == ([], 0, [])
    assert plain["cost_ns"] < found["cost_ns"]


async def test_an_upload_of_several_rules_is_answered_with_the_remarks_on_each(api: Api) -> None:
    texts = {"one": rule("event.amount > 1.0"), "two": STEPS, "three": rule("true")}
    found = (await api.client.post("/v1/patterns:upload", json={"patterns": texts})).json()["remarks"]
    assert found.keys() == texts.keys()
    assert found["two"]["state_bytes"] > found["one"]["state_bytes"] == 0
    assert "reads nothing of the event" in found["three"]["warnings"][0]


async def test_a_text_that_no_event_had_is_warned_of_with_its_place_and_with_texts_that_events_had(api: Api) -> None:
    decided(api, ("books", ""), ("food", "refund"))
    found = await remarks(api, rule('event.category == "boks" || event.kind in ["refund", "refnd"]'))
    assert found["warnings"] == [
        'patterns/new.yaml:4:26: no event has had "boks" in event.category yet; it has had books, food',
        'patterns/new.yaml:4:61: no event has had "refnd" in event.kind yet; it has had refund',
    ]
    assert (await remarks(api, rule('event.category == "books" && event.kind == "refund"')))["warnings"] == []


async def test_a_field_that_no_event_had_is_warned_of(api: Api) -> None:
    decided(api, ("books", ""), ("food", ""))
    [said] = (await remarks(api, rule('event.kind == "refund"')))["warnings"]
    assert said.endswith("no event has had a value in event.kind yet")


async def test_nothing_is_said_of_fields_by_which_nobody_counts_nor_where_there_was_no_traffic_nor_of_too_many_texts(api: Api) -> None:
    everywhere = rule('event.category == "boks" && event.note == "x" && event.terminal == "t"')
    assert (await remarks(api, everywhere))["warnings"] == []
    decided(api, ("books", "a"), days_ago=100)
    assert (await remarks(api, everywhere))["warnings"] == [], "what was decided that long ago is no traffic"
    decided(api, *((f"c{number}", "a") for number in range(201)))
    assert (await remarks(api, everywhere))["warnings"] == []


async def test_an_upload_succeeds_without_warnings_where_metrics_do_not_answer(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*asked: object) -> None:
        raise MetricsUnavailableError("the test's metrics are away")

    monkeypatch.setattr(api.metrics, "query", refuses)
    found = await remarks(api, rule('event.category == "boks"'))
    assert (found["warnings"], found["cost_ns"] > 0) == ([], True)


async def test_moves_of_a_rule_have_no_remarks(api: Api) -> None:
    await remarks(api, rule("event.amount > 1.0"))
    assert "remarks" not in (await api.client.post("/v1/patterns/new:shadow", json={})).json()
