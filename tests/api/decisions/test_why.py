"""Any decision is explained for any rule over HTTP: by the text that decided, and by what decisions keep."""

from collections.abc import Mapping
from typing import Any

import httpx
import msgspec
import pytest
from api_imitation import NOW_MS, TEXTS, Api, event

from api.decisions import rules_as_decided
from patterns.language.pattern import Pattern
from pipeline.trial.one_process import OneProcess
from pipeline.trial.rules_read import read_rule

GREAT = "title: A great amount\nowner: team\nwhen: event.amount > 100.0 && feature.count_1h >= 1.0\nstatus: shadow\n"
PROBING = """
title: Probing with small amounts, then a large one
owner: team
status: shadow
sequence:
  within: 15m
  steps:
    - {name: probe, when: event.amount < 2.0, times: 2+}
    - {name: hit, when: event.amount > 20.0 * probe.mean(event.amount)}
"""
UNLISTED = PROBING.replace("event.amount < 2.0", "event.amount < 2.0 && !(event.terminal in list.watched)")
LISTED = "title: A watched terminal\nowner: team\nwhen: event.terminal in list.watched || event.amount > 500.0\nstatus: shadow\n"


@pytest.fixture(autouse=True)
async def in_force(api: Api) -> None:
    """Release 1 comes from the registry, as in a system that was started once."""
    api.in_force.release, api.in_force.texts = None, {}
    texts = TEXTS | {
        "list:watched": "",
        "pattern:great": GREAT,
        "pattern:probing": PROBING,
        "pattern:listed": LISTED,
        "pattern:unlisted": UNLISTED,
    }
    (await api.client.post("/v1/releases", json=texts)).raise_for_status()


def decide(api: Api, *events: dict[str, object], forgotten: int = 0) -> None:
    """Decides events by the release in force, and stores their decisions as the deliver job does, all but the first `forgotten` ones."""
    release, texts = api.in_force.release, api.in_force.texts
    assert release is not None
    job = OneProcess()
    job.release(release.id, texts)
    job.events([msgspec.json.encode(each) for each in events])
    api.deliver([value for _, value in job.out["D"]][forgotten:])


async def ask(api: Api, rule: str, event_id: int, **more: str) -> httpx.Response:
    return await api.client.get(f"/v1/patterns/{rule}:why", params={"event_id": str(event_id), **more})


async def why(api: Api, rule: str, event_id: int) -> dict[str, Any]:
    answer = await ask(api, rule, event_id)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_each_predicate_has_its_value_and_truth_where_a_rule_matched_and_where_it_did_not(api: Api) -> None:
    decide(api, event(1, amount=150.0), event(2, amount=50.0))
    found = await why(api, "great", 1)
    assert (found["matched"], found["release"], found["status"]) == (True, 1, "shadow")
    found = await why(api, "great", 2)
    assert found["matched"] is False
    assert found["when"]["predicates"] == [
        {"predicate": "event.amount > 100.0", "truth": "false", "values": {"event.amount": 50.0}},
        {"predicate": "feature.count_1h >= 1.0", "truth": "true", "values": {"feature.count_1h": 2.0}},
    ]


async def test_the_text_that_decided_is_explained_after_later_edits(api: Api) -> None:
    decide(api, event(1, amount=150.0))
    (await api.client.put("/v1/patterns/great", content=GREAT.replace("100.0", "999.0"))).raise_for_status()
    found = await why(api, "great", 1)
    assert (found["matched"], found["release"]) == (True, 1)
    assert found["when"]["predicates"][0]["predicate"] == "event.amount > 100.0"


async def test_a_sequence_tells_its_furthest_step_with_its_events_from_the_decisions_of_its_key(api: Api) -> None:
    amounts = [1.0, 1.5, 10.0, 80.0]
    decide(api, *(event(id, at=NOW_MS + 1_000 * id, amount=amount) for id, amount in enumerate(amounts, 1)))
    found = (await why(api, "probing", 3))["sequence"]
    assert (found["matched"], found["reached"], found["key"], found["events"]) == (False, "probe", "customer c1", 3)
    assert [(step["found"], [each["event_id"] for each in step["events"]]) for step in found["steps"]] == [(2, ["1", "2"]), (0, [])]
    assert found["steps"][1]["when"]["predicates"][0]["values"] == {"event.amount": 10.0, "probe.mean(event.amount)": 1.25}
    found = await why(api, "probing", 4)
    assert found["matched"] is True
    assert [each["event_id"] for each in found["sequence"]["steps"][1]["events"]] == ["4"]


def probes_and_a_hit() -> list[dict[str, object]]:
    return [event(id, at=NOW_MS + 1_000 * id, amount=amount) for id, amount in enumerate([1.0, 1.5, 80.0], 1)]


def asked_of_taken(found: dict[str, Any]) -> list[tuple[str | None, str, dict[str, object]]]:
    """Of each event that a step took its id, the truth of the step's condition, and the values that this looked at."""
    return [
        (
            taken["event_id"],
            taken["when"]["truth"],
            {name: value for each in taken["when"]["predicates"] for name, value in each["values"].items()},
        )
        for step in found["sequence"]["steps"]
        for taken in step["events"]
    ]


async def test_each_step_of_a_match_is_asked_of_the_events_that_it_took_and_not_of_the_last_one(api: Api) -> None:
    decide(api, *probes_and_a_hit())
    found = await why(api, "probing", 3)
    assert asked_of_taken(found) == [
        ("1", "true", {"event.amount": 1.0}),
        ("2", "true", {"event.amount": 1.5}),
        ("3", "true", {"event.amount": 80.0, "probe.mean(event.amount)": 1.25}),
    ]
    assert [step["when"] for step in found["sequence"]["steps"]] == [None, None]


async def test_a_match_whose_earlier_events_are_not_wholly_known_has_its_events_and_is_unknown_in_part(api: Api) -> None:
    decide(api, *probes_and_a_hit())
    found = await why(api, "unlisted", 3)
    assert (found["matched"], found["sequence"]["matched"], found["sequence"]["reached"]) == (True, True, "hit")
    assert [(id, truth) for id, truth, _ in asked_of_taken(found)] == [("1", "unknown"), ("2", "unknown"), ("3", "unknown")]
    assert [values["event.amount"] for _, _, values in asked_of_taken(found)] == [1.0, 1.5, 80.0]


async def test_an_earlier_event_whose_decision_is_gone_is_unknown_in_a_match(api: Api) -> None:
    decide(api, *probes_and_a_hit(), forgotten=1)
    found = await why(api, "probing", 3)
    assert (found["matched"], found["sequence"]["matched"], found["sequence"]["whole"]) == (True, True, False)
    assert [(id, truth) for id, truth, _ in asked_of_taken(found)] == [(None, "unknown"), ("2", "true"), ("3", "unknown")]
    assert found["sequence"]["steps"][0]["events"][0]["time"] == NOW_MS + 1_000


async def test_how_far_a_sequence_came_is_not_known_where_it_looks_back_further_than_decisions_are_kept(api: Api) -> None:
    decide(api, *probes_and_a_hit()[:2])
    assert (await why(api, "probing", 2))["sequence"]["matched"] is False
    api.now_ms = NOW_MS + (api.settings.decisions_kept_days + 1) * 86_400_000
    found = await why(api, "probing", 2)
    assert (found["matched"], found["sequence"]["matched"]) == (False, None)  # the decision tells that it did not match


async def test_what_decisions_do_not_keep_is_named_and_not_guessed(api: Api) -> None:
    decide(api, event(1, amount=1.0), event(2, amount=600.0))
    found = await why(api, "listed", 1)
    assert found["when"]["truth"] == "unknown"
    assert "event.terminal in list.watched" in found["unknown"]
    assert found["matched"] is False
    assert "The decision names all matches, and none of this rule: it did not match." in found["said"]
    found = await why(api, "listed", 2)
    assert (found["matched"], found["unknown"]) == (True, {})  # the match kept what its rule looked at


async def test_a_rule_that_came_later_is_explained_by_the_text_in_force_and_that_is_said(api: Api) -> None:
    decide(api, event(1, amount=150.0))
    (await api.client.put("/v1/patterns/later", content=GREAT)).raise_for_status()
    found = await why(api, "later", 1)
    assert (found["matched"], found["release"]) == (True, 2)
    assert "Release 1, which decided, had no such rule" in found["said"][-1]


async def test_a_draft_is_explained_and_it_is_said_that_it_was_not_evaluated(api: Api) -> None:
    (await api.client.put("/v1/patterns/draft", content=GREAT.replace("status: shadow\n", ""))).raise_for_status()
    decide(api, event(1, amount=150.0))
    found = await why(api, "draft", 1)
    assert (found["matched"], found["status"]) == (True, "draft")
    assert "was not evaluated" in found["said"][-1]


async def test_what_is_not_there_is_404_and_an_id_of_several_users_409(api: Api) -> None:
    decide(api, event(1, amount=150.0), event(1, "c2", amount=150.0))
    assert (await ask(api, "great", 9)).status_code == 404
    assert (await ask(api, "none", 1, user="c1")).status_code == 404
    assert (await ask(api, "great", 1)).status_code == 409
    assert (await ask(api, "great", 1, user="c2")).json()["user"] == "c2"


async def test_a_rule_of_a_release_is_read_once_however_many_events_are_explained(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    decide(api, event(1, amount=150.0), event(2, amount=50.0))
    read: list[str] = []

    def noted(texts: Mapping[str, str], rule: str) -> Pattern:
        read.append(rule)
        return read_rule(texts, rule)

    monkeypatch.setattr(rules_as_decided, "read_rule", noted)
    assert [(await why(api, "great", id))["matched"] for id in (1, 2, 1)] == [True, False, True]
    assert read == ["great"]
