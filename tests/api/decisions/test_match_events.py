"""The events of a match, which a decision names by their times and keys, are found with links to their decisions."""

from typing import Any

import msgspec
import pytest
from api_imitation import NOW_MS, TEXTS, Api, event

from pipeline.trial.one_process import OneProcess

PROBING = """
title: Probing with small amounts, then a large one
owner: team
status: active
sequence:
  key: {key}
  within: 15m
  steps:
    - {{name: probe, when: event.amount < 2.0, times: 2+}}
    - {{name: hit, when: event.amount > 20.0 * probe.mean(event.amount)}}
then: {{action: block}}
"""
GREAT = "title: A great amount\nowner: team\nwhen: event.amount > 70.0\nstatus: shadow\n"
RULES = {"pattern:great": GREAT, "pattern:of_card": PROBING.format(key="customer"), "pattern:of_shop": PROBING.format(key="terminal")}


async def decide(api: Api, texts: dict[str, str], *events: dict[str, object]) -> None:
    """Decides events by a release with these texts, and stores their decisions as the deliver job does."""
    api.in_force.release, api.in_force.texts = None, {}
    (await api.client.post("/v1/releases", json=texts)).raise_for_status()
    assert api.in_force.release is not None
    job = OneProcess()
    job.release(api.in_force.release.id, dict(texts))
    job.events([msgspec.json.encode(each) for each in events])
    api.deliver(value for _, value in job.out["D"])


async def matches(api: Api, event_id: object, **more: str) -> dict[str, Any]:
    answer = await api.client.get("/v1/decisions:matches", params={"event_id": str(event_id), **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def tried(*ids: object) -> list[dict[str, object]]:
    """Two small amounts and a large one of one customer at terminals, of which the first two are one."""
    amounts, shops = [1.0, 1.5, 80.0], ["t1", "t1", "t2"]
    return [
        event(id, at=NOW_MS + 1_000 * place, customer="c 1", terminal=shops[place], amount=amounts[place])  # type: ignore[arg-type]
        for place, id in enumerate(ids)
    ]


@pytest.mark.parametrize("ids", [(7, 8, 9), ("a/1", "b 2", "c?3")])
async def test_each_event_of_a_match_has_its_id_its_action_and_a_link_that_leads_to_its_decision(api: Api, ids: tuple[object, ...]) -> None:
    whole = isinstance(ids[0], int)
    schema = TEXTS["schema"] if whole else TEXTS["schema"].replace("type: integer", "type: string")
    await decide(api, TEXTS | RULES | {"schema": schema}, *tried(*ids))
    found = await matches(api, ids[2])
    assert (found["event_id"], found["user"]) == (str(ids[2]), "c 1")
    by_rule = {match["pattern"]: match for match in found["matches"]}
    assert by_rule.keys() == {"of_card", "great"}
    events = by_rule["of_card"]["events"]
    assert [(each["event_id"], each["action"], each["event_time"]) for each in events] == [
        (str(ids[0]), "approve", NOW_MS),
        (str(ids[1]), "approve", NOW_MS + 1_000),
        (str(ids[2]), "block", NOW_MS + 2_000),
    ]
    for each in events:
        assert (await api.client.get(each["link"])).json()["event_id"] == each["event_id"]
    assert [each["event_id"] for each in by_rule["great"]["events"]] == [str(ids[2])], "a rule on the event alone has that one"


async def test_events_of_other_users_are_found_by_the_entity_whose_sequence_it_is(api: Api) -> None:
    events = [event(id, at=NOW_MS + id, customer=f"c{id}", terminal="t1", amount=amount) for id, amount in ((1, 1.0), (2, 1.5), (3, 80.0))]
    await decide(api, TEXTS | RULES, *events)
    [match] = [match for match in (await matches(api, 3))["matches"] if match["pattern"] == "of_shop"]
    assert [(each["event_id"], each["user"]) for each in match["events"]] == [("1", "c1"), ("2", "c2"), ("3", "c3")]


async def test_an_event_whose_decision_is_not_kept_has_its_time_and_key_alone(api: Api) -> None:
    api.in_force.release, api.in_force.texts = None, {}
    (await api.client.post("/v1/releases", json=TEXTS | RULES)).raise_for_status()
    job = OneProcess()
    job.release(1, TEXTS | RULES)
    job.events([msgspec.json.encode(each) for each in tried(7, 8, 9)])
    api.deliver([value for _, value in job.out["D"]][1:])
    [match] = [match for match in (await matches(api, 9))["matches"] if match["pattern"] == "of_card"]
    lost = {"event_time": NOW_MS, "id_key": 7, "event_id": None, "user": None, "action": None, "link": None}
    assert match["events"][0] == lost
    assert [each["event_id"] for each in match["events"][1:]] == ["8", "9"]


async def test_an_event_without_a_decision_is_not_found(api: Api) -> None:
    await decide(api, TEXTS | RULES, *tried(7, 8, 9))
    assert (await api.client.get("/v1/decisions:matches?event_id=1")).status_code == 404
    assert (await matches(api, 7))["matches"] == []
