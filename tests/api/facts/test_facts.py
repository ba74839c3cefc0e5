"""Facts over HTTP: what is told is written to the topic, and read back."""

import msgspec
import pytest
from api_imitation import NOW_MS, Api

from api.auth.permissions import roles_for
from api.facts.told_facts import ToldFacts
from pipeline.engine.fact_record import read_fact
from pipeline.score_job.facts import fact_key

VIP = "/v1/entities/customer/c1/facts/vip"


async def test_a_fact_is_written_with_its_times_and_who_told_it_and_is_read_back(api: Api) -> None:
    body = {"value": True, "since": "2023-11-14T22:13:20Z", "expires": NOW_MS + 5, "reason": "a friend"}
    answer = await api.client.put(VIP, json=body)
    assert answer.status_code == 202
    [(key, value)] = api.log.of("facts")
    assert key == fact_key("customer", "c1", "vip").decode()
    written = read_fact(value)
    assert (written.value, written.since, written.expires, written.by, written.reason) == (True, NOW_MS, NOW_MS + 5, "owner", "a friend")
    assert answer.json() == msgspec.json.decode(value)
    [read] = (await api.client.get("/v1/entities/customer/c1/facts")).json()["facts"]
    assert read == answer.json() == (await api.client.get(VIP)).json()
    assert (await api.client.get("/v1/entities/customer/c2/facts")).json()["facts"] == []


async def test_a_fact_holds_from_now_on_unless_it_says_since_when_and_a_later_one_is_written_later(api: Api) -> None:
    for value in (True, False):
        await api.client.put(VIP, json={"value": value})
    first, second = (read_fact(value) for _, value in api.log.of("facts"))
    assert first.since == second.since == NOW_MS
    assert first.written < second.written


async def test_a_deletion_is_a_record_and_the_fact_is_gone(api: Api) -> None:
    await api.client.put(VIP, json={"value": True})
    assert (await api.client.delete(VIP)).status_code == 202
    assert (read_fact(api.log.of("facts")[-1][1]).op, read_fact(api.log.of("facts")[-1][1]).since) == ("delete", NOW_MS)
    assert (await api.client.get(VIP)).status_code == 404


async def test_an_id_with_slashes_is_percent_encoded(api: Api) -> None:
    answer = await api.client.put("/v1/entities/terminal/a%2Ffacts%2Fb/facts/verdict", json={"value": "fraud"})
    assert (answer.status_code, answer.json()["entity"]) == (202, "a/facts/b")
    assert (await api.client.get("/v1/entities/terminal/a%2Ffacts%2Fb/facts/verdict")).json()["value"] == "fraud"


@pytest.mark.parametrize(
    ("path", "body", "status", "where"),
    [
        (VIP, {"value": "yes"}, 422, "value"),
        (VIP, {}, 422, "fact"),
        (VIP, {"value": True, "until": 5}, 422, "until"),
        (VIP, {"value": True, "since": 10, "expires": 10}, 422, "expires"),
        (VIP, {"value": True, "since": "2023-11-14T22:13:20"}, 422, "since"),
        ("/v1/entities/terminal/t/facts/verdict", {"value": "evil"}, 422, "value"),
        ("/v1/entities/customer/c1/facts/verdict", {"value": "good"}, 404, None),
        ("/v1/entities/card/c1/facts/vip", {"value": True}, 404, None),
    ],
)
async def test_what_is_no_fact_is_refused_with_its_place_and_nothing_is_written(api: Api, path: str, body, status: int, where) -> None:
    answer = await api.client.put(path, json=body)
    assert (answer.status_code, answer.json().get("where"), api.log.of("facts")) == (status, where, [])


async def test_reading_facts_of_an_unknown_type_of_entity_is_404(api: Api) -> None:
    assert (await api.client.get("/v1/entities/card/c1/facts")).status_code == 404


async def test_analysts_and_those_who_make_definitions_tell_facts(api: Api) -> None:
    for method in ("PUT", "DELETE"):
        assert roles_for(method, VIP) == roles_for(method, "/v1/entities/customer/a/b/facts/vip")
        assert roles_for(method, VIP) & roles_for("POST", "/v1/labels") and not roles_for(method, VIP) & roles_for("POST", "/v1/events") & 1


async def test_telling_a_fact_is_audited(api: Api) -> None:
    await api.client.put(VIP, json={"value": True, "reason": "a friend"})
    assert "customer c1: vip is True: a friend" in (await api.client.get("/v1/audit")).text


def test_followed_records_replace_one_another_and_are_counted() -> None:
    told = ToldFacts()
    key = fact_key("customer", "c1", "vip").decode()
    record = msgspec.json.encode({"kind": "customer", "entity": "c1", "name": "vip", "since": 5, "value": True})
    told.take([(key, record), (key, record), ("nonsense", b"{}")])
    assert (len(told), [fact.value for fact in told.of("customer", "c1")]) == (2, [True])
    told.take([(key, None), (key, None)])
    assert (len(told), told.of("customer", "c1")) == (1, [])
