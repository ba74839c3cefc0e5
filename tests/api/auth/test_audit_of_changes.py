import asyncio
import hashlib
import pathlib
import sqlite3
from typing import Any

import msgspec
import pytest
from api_imitation import NOW_MS, TEXTS, Api, event

from stores.audit import Fact, verify
from stores.relational.place import FILE


def said(api: Api) -> list[Fact]:
    """What is in the log, the oldest first."""
    assert verify(api.access.audit.walk()).broken is None
    return [entry.fact() for entry in api.access.audit.walk()]


async def test_a_change_leaves_its_intent_and_its_outcome(api: Api) -> None:
    body = TEXTS["policy"] + "# new\n"
    assert (await api.client.put("/v1/policy", content=body)).status_code == 200
    digest = hashlib.sha256(body.encode()).hexdigest()
    intent, outcome = said(api)
    assert intent == Fact(
        NOW_MS, "owner", ("admin",), "PUT /v1/policy", "intent", body_sha256=digest, body_bytes=len(body), peer="127.0.0.1:123"
    )
    assert outcome == Fact(NOW_MS, "owner", ("admin",), "PUT /v1/policy", "outcome", 1, 200, outcome.subject, peer="127.0.0.1:123")
    assert outcome.subject.startswith("release 1")


async def test_the_intent_is_there_before_the_change_runs(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    put, seen = api.definitions.put, []

    async def watched(*given: Any) -> object:
        seen.extend(said(api))
        return await put(*given)

    monkeypatch.setattr(api.definitions, "put", watched)
    await api.client.post("/v1/releases", json={"policy": TEXTS["policy"] + "# new\n"})
    assert [each.phase for each in seen] == ["intent"]


async def test_a_change_that_is_refused_or_fails_says_so(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def burst(*given: object) -> None:
        raise RuntimeError("secret detail")

    assert (await api.client.put("/v1/policy", content="x: y")).status_code == 422
    monkeypatch.setattr(api.definitions, "put", burst)
    answer = await api.client.put("/v1/policy", content=TEXTS["policy"])
    assert (answer.status_code, answer.headers["content-type"], "secret" in answer.text) == (500, "application/problem+json", False)
    assert caplog.text.count("request failed") == 1
    assert [(each.phase, each.of, each.status) for each in said(api)] == [
        ("intent", 0, 0), ("outcome", 1, 422), ("intent", 0, 0), ("outcome", 3, 500),
    ]  # fmt: skip


async def test_labels_of_one_request_are_one_change_that_says_how_many_they_are(api: Api) -> None:
    await api.client.post("/v1/labels", json={"event_id": "1", "label": 1})
    await api.client.post("/v1/labels", json=[{"event_id": str(number), "label": 0} for number in range(500)])
    await api.client.post("/v1/labels", json=[{"event_id": "", "label": 1}])
    outcomes = [each for each in said(api) if each.phase == "outcome"]
    assert [(each.action, each.status, each.subject) for each in outcomes] == [
        ("POST /v1/labels", 202, "1 label"), ("POST /v1/labels", 202, "500 labels"), ("POST /v1/labels", 422, ""),
    ]  # fmt: skip
    assert {each.by for each in outcomes} == {"owner"}


async def test_reads_and_data_and_who_may_not_leave_nothing(api: Api) -> None:
    await api.client.post("/v1/events", json=event())
    await api.client.post("/v1/decisions?deadline_ms=1", json=event(2))
    for path in ("/v1/flagged", "/v1/policy", "/v1/releases", "/v1/tokens", "/v1/audit", "/health", "/metrics", "/v1/no"):
        await api.client.get(path)
    await api.client.put("/v1/policy", content="x", headers={"authorization": "Bearer wrong"})
    assert said(api) == []


async def test_while_the_log_takes_nothing_nothing_is_changed_and_all_else_goes_on(api: Api) -> None:
    await api.client.get("/v1/policy")  # who asks is known from then on
    api.database.away = True
    answer = await api.client.put("/v1/policy", content=TEXTS["policy"] + "# new\n")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "nothing was changed" in answer.json()["detail"]
    assert api.log.of("control") == []
    assert (await api.client.post("/v1/events", json=event())).status_code == 202
    assert (await api.client.get("/v1/policy")).text == TEXTS["policy"]


async def test_an_outcome_that_finds_the_log_closed_for_a_moment_is_written_all_the_same(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    append, tries = api.access.audit.append, []

    def sometimes(fact: Fact) -> object:
        from stores.decisions import StoreUnavailableError

        tries.append(fact)
        if fact.phase == "outcome" and len(tries) == 2:
            raise StoreUnavailableError("for a moment")
        return append(fact)

    monkeypatch.setattr(api.access.audit, "append", sometimes)
    assert (await api.client.put("/v1/policy", content=TEXTS["policy"])).status_code == 200
    assert [each.phase for each in said(api)] == ["intent", "outcome"]


async def test_a_caller_that_goes_away_leaves_the_outcome_all_the_same(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    put, began, go_on = api.definitions.put, asyncio.Event(), asyncio.Event()

    async def slow(*given: Any) -> object:
        began.set()
        await go_on.wait()
        return await put(*given)

    monkeypatch.setattr(api.definitions, "put", slow)
    asked = asyncio.create_task(api.client.put("/v1/policy", content=TEXTS["policy"] + "# new\n"))
    await began.wait()
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    go_on.set()
    while len(said(api)) < 2:
        await asyncio.sleep(0.005)
    assert said(api)[1].status == 200


async def test_a_token_is_in_the_log_by_its_name_and_its_text_is_nowhere_on_disk(api: Api, tmp_path: pathlib.Path) -> None:
    made = await api.client.post("/v1/tokens", json={"name": "payments", "roles": ["system"], "expires_at_ms": NOW_MS + 5})
    await api.client.delete("/v1/tokens/payments")
    subjects = [each.subject for each in said(api) if each.phase == "outcome"]
    assert subjects == [f"token payments: system, expires {NOW_MS + 5}", "token payments"]
    assert said(api)[2].action == "DELETE /v1/tokens/payments"
    everything = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"payments" in everything
    assert made.json()["token"].encode() not in everything


async def test_the_log_is_read_in_pages_newest_first(api: Api) -> None:
    for number in range(6):
        await api.client.put("/v1/policy", content=TEXTS["policy"] + f"# {number}\n")
    seen, cursor = [], ""
    while True:
        page = (await api.client.get(f"/v1/audit?limit=5{cursor}")).json()
        seen += page["entries"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert [entry["number"] for entry in seen] == list(range(12, 0, -1))
    for entry in seen:
        assert hashlib.sha256(f"{entry['previous']}\n{entry['said']}".encode()).hexdigest() == entry["hash"]
        assert msgspec.json.decode(entry["said"])["by"] == entry["by"] == "owner"


@pytest.mark.parametrize("query", ["cursor=0", "cursor=x", "cursor=-1", "limit=0", "limit=501", "cursor=" + "9" * 40])
async def test_a_bad_query_of_the_log_is_refused(api: Api, query: str) -> None:
    assert (await api.client.get(f"/v1/audit?{query}")).status_code == 422


async def test_a_body_that_is_too_large_is_refused_before_anything_is_written(api: Api) -> None:
    assert (await api.client.put("/v1/policy", content=b" " * 1_048_577)).status_code == 413
    assert said(api) == []


@pytest.mark.parametrize("path", ["/v1/" + "x" * 3_000, "/v1/%00", "/v1/%ff%fe", "/v1/é"])
async def test_any_path_can_be_written_down(api: Api, path: str) -> None:
    assert (await api.client.put(path)).status_code == 404
    assert len(said(api)) == 2


async def test_an_entry_shows_where_its_request_came_from(api: Api) -> None:
    await api.client.put("/v1/policy", content=TEXTS["policy"])
    outcome, intent = (await api.client.get("/v1/audit")).json()["entries"]
    assert intent["peer"] == outcome["peer"] == msgspec.json.decode(intent["said"])["peer"] != ""


async def test_an_entry_that_was_altered_beyond_reading_is_shown_as_far_as_it_goes(api: Api, tmp_path: pathlib.Path) -> None:
    await api.client.put("/v1/policy", content=TEXTS["policy"])
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("UPDATE audit_entry SET said = 'nonsense' WHERE number = 1")
    connection.commit()
    connection.close()
    outcome, intent = (await api.client.get("/v1/audit")).json()["entries"]
    assert (outcome["action"], intent["action"], intent["said"]) == ("PUT /v1/policy", "not readable", "nonsense")
