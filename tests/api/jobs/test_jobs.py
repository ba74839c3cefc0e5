"""Jobs over HTTP, with the worker's part played by the test."""

import asyncio
import base64
import hashlib
import threading

import httpx
import msgspec
import pytest
from api_imitation import NOW_MS, Api
from served import served

from api.http.byte_range import range_of
from api.jobs import result_route
from pipeline.jobs.result_folder import results_of
from stores.jobs import JobOutcome, JobProgress, ResultFile, StoredJob

CONTENT = bytes(range(256)) * 4_000
DAY_MS = 86_400_000
DEFAULTS = {"from": None, "to": None, "what": "training", "format": "parquet", "hidden": []}
"""The parameters of an export of which its caller says nothing."""


async def header_of(api: Api, *roles: str) -> dict[str, str]:
    made = await api.client.post("/v1/tokens", json={"name": "-".join(roles), "roles": roles})
    return {"authorization": f"Bearer {made.json()['token']}"}


async def started(api: Api, **how: object) -> str:
    answer = await api.client.post("/v1/exports", **how)  # type: ignore[arg-type]
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def taken(api: Api) -> StoredJob:
    job = api.jobs.take("w1", ("export",), api.now_ms, api.now_ms + 60_000)
    assert job is not None
    return job


def finished(api: Api, content: bytes = CONTENT) -> StoredJob:
    """The oldest queued job, done, with a file that holds `content`."""
    job = taken(api)
    results = results_of(api.settings)
    (results.make(job) / "training.parquet").write_bytes(content)
    file = ResultFile("training.parquet", len(content), hashlib.sha256(content).hexdigest())
    assert api.jobs.finish(job.id, job.attempt, JobOutcome("done", '{"rows":7}', file), api.now_ms, api.now_ms + DAY_MS)
    return job


def problem_of(answer: httpx.Response, status: int, type: str) -> dict[str, object]:
    assert answer.status_code == status, answer.text
    body: dict[str, object] = answer.json()
    assert body["type"] == f"urn:weir:problem:{type}", body
    assert answer.headers["content-type"] == "application/problem+json"
    return body


async def test_a_job_is_taken_at_once_and_its_address_is_told(api: Api) -> None:
    answer = await api.client.post("/v1/exports", json={"from": "2026-11-23T00:00:00Z", "to": 1_800_000_000_000})
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert answer.headers["retry-after"] == "2"
    assert job == {
        "id": job["id"], "kind": "export", "state": "queued", "parameters": DEFAULTS | {"from": 1_795_392_000_000, "to": 1_800_000_000_000},
        "by": "owner", "asked_at_ms": NOW_MS, "started_at_ms": None, "ended_at_ms": None, "expires_at_ms": None, "attempt": 0,
        "cancel_asked": False, "progress": {"done": 0, "total": 0, "unit": ""}, "result": None, "file": None, "problem": None,
    }  # fmt: skip
    assert (await api.client.get(answer.headers["location"])).json() == job


async def test_a_body_may_be_left_out(api: Api) -> None:
    id = await started(api)
    assert (await api.client.get(f"/v1/jobs/{id}")).json()["parameters"] == DEFAULTS


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ('{"from": "yesterday"}', "from"), ('{"from": "2026-11-23T00:00:00"}', "from"), ('{"to": -1}', "to"),
        ('{"to": 9007199254740992}', "to"),
        ('{"from": 5, "to": 5}', "to"), ('{"from": 1.5}', "from"), ('{"from": true}', "from"), ('{"speed": 1}', "speed"), ("[]", "export"),
        ('{"from": 1, "from": 2}', "from"), ('{"to": "9999999999999999999999999"}', "to"), ('{"from": {"a": 1}}', "from"),
    ],
)  # fmt: skip
async def test_parameters_that_are_none_are_refused_at_the_door(api: Api, body: str, where: str) -> None:
    refused = problem_of(await api.client.post("/v1/exports", content=body), 422, "refused-input")
    assert refused["where"] == where
    assert api.jobs.page(None, (), None, 10) == []


async def test_a_repeated_request_with_its_key_gives_the_same_job_and_another_one_is_refused(api: Api) -> None:
    headers = {"idempotency-key": "nightly-2026-11-23"}
    id = await started(api, headers=headers, json={"from": 0})
    assert await started(api, headers=headers, json={"from": "1970-01-01T00:00:00Z"}) == id
    reused = problem_of(await api.client.post("/v1/exports", headers=headers, json={"from": 1}), 422, "key-reused")
    assert id in str(reused["detail"])
    assert await started(api, json={"from": 0}) != id
    bob = await header_of(api, "analyst")
    assert await started(api, headers=headers | bob, json={"from": 0}) != id


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "é"])
async def test_a_key_that_is_none_is_refused(api: Api, key: str) -> None:
    answer = await api.client.post("/v1/exports", headers=[(b"idempotency-key", key.encode("latin-1"))])
    assert problem_of(answer, 422, "refused-input")["where"] == "idempotency-key"


async def test_a_caller_with_too_many_unfinished_jobs_is_told_to_wait(api: Api) -> None:
    for _ in range(api.settings.jobs_of_caller_max):
        await started(api)
    answer = await api.client.post("/v1/exports")
    assert "10 jobs of yours" in str(problem_of(answer, 429, "too-many-jobs")["detail"])
    assert answer.headers["retry-after"] == "30"
    await started(api, headers=await header_of(api, "analyst"))


async def test_callers_list_their_own_jobs_by_state_and_page_and_admins_all(api: Api) -> None:
    ana = await header_of(api, "analyst")
    ids = []
    for number in range(5):
        api.now_ms = NOW_MS + number
        ids.append(await started(api, headers=ana if number % 2 else {}))
    mine = (await api.client.get("/v1/jobs", headers=ana)).json()
    assert ([job["id"] for job in mine["jobs"]], mine["next"]) == ([ids[3], ids[1]], None)
    pages, cursor = [], {}
    while True:
        page = (await api.client.get("/v1/jobs", params={"all": "true", "limit": "2"} | cursor)).json()
        pages.append([job["id"] for job in page["jobs"]])
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert pages == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]
    taken(api)
    running = (await api.client.get("/v1/jobs", params={"all": "true", "state": ["running", "failed"]})).json()
    assert [job["id"] for job in running["jobs"]] == [ids[0]]


async def test_a_query_for_jobs_that_is_none_is_refused(api: Api) -> None:
    ana = await header_of(api, "analyst")
    problem_of(await api.client.get("/v1/jobs", params={"all": "true"}, headers=ana), 403, "not-allowed")
    for query, where in (({"state": "lost"}, "state"), ({"cursor": "x"}, "cursor"), ({"limit": "0"}, "limit"), ({"by": "ana"}, "by")):
        assert problem_of(await api.client.get("/v1/jobs", params=query), 422, "refused-input")["where"] == where


async def test_a_job_of_another_caller_is_not_there_but_for_an_admin(api: Api) -> None:
    ana, bob = await header_of(api, "analyst"), await header_of(api, "reader")
    id = await started(api, headers=ana)
    for method, path in (("GET", ""), ("GET", "/result"), ("POST", ":cancel")):
        problem_of(await api.client.request(method, f"/v1/jobs/{id}{path}", headers=bob), 404, "not-found")
    assert (await api.client.get(f"/v1/jobs/{id}", headers=ana)).status_code == 200
    assert (await api.client.post(f"/v1/jobs/{id}:cancel")).json()["state"] == "cancelled"
    for id in ("x", "f" * 32, "F" * 32, "é"):
        problem_of(await api.client.get(f"/v1/jobs/{id}"), 404, "not-found")


async def test_a_job_that_has_not_changed_need_not_be_sent_again(api: Api) -> None:
    path = f"/v1/jobs/{await started(api)}"
    tag = (await api.client.get(path)).headers["etag"]
    same = await api.client.get(path, headers={"if-none-match": tag})
    assert (same.status_code, same.content, same.headers["etag"], same.headers["retry-after"]) == (304, b"", tag, "2")
    job = taken(api)
    api.jobs.report(job.id, job.attempt, JobProgress(3, 9, "records"), api.now_ms + 60_000)
    changed = await api.client.get(path, headers={"if-none-match": tag})
    assert changed.status_code == 200
    assert changed.json()["progress"] == {"done": 3, "total": 9, "unit": "records"}


async def test_a_queued_job_is_cancelled_at_once_a_running_one_is_asked_to_stop_and_an_ended_one_stays(api: Api) -> None:
    id = await started(api)
    for _ in range(2):
        cancelled = await api.client.post(f"/v1/jobs/{id}:cancel")
        assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
        assert "retry-after" not in cancelled.headers
    running = await started(api)
    job = taken(api)
    asked = (await api.client.post(f"/v1/jobs/{running}:cancel")).json()
    assert (asked["state"], asked["cancel_asked"]) == ("running", True)
    api.jobs.finish(job.id, job.attempt, JobOutcome("done", "{}"), api.now_ms, api.now_ms + DAY_MS)
    assert "done" in str(problem_of(await api.client.post(f"/v1/jobs/{running}:cancel"), 409, "job-ended")["detail"])


async def test_a_job_that_failed_has_a_problem_and_no_result(api: Api) -> None:
    id = await started(api)
    job = taken(api)
    fields = {"what": "no answer", "where": "broker", "expected": "records", "got": "none", "remedy": "start it"}
    api.jobs.finish(job.id, job.attempt, JobOutcome("failed", problem=fields), api.now_ms, api.now_ms + DAY_MS)
    shown = (await api.client.get(f"/v1/jobs/{id}")).json()
    detail = "broker: no answer: expected records, got none; start it"
    assert shown["problem"] == {"type": "urn:weir:problem:job-failed", "title": "The job failed", "detail": detail} | fields
    problem_of(await api.client.get(f"/v1/jobs/{id}/result"), 409, "job-ended")


async def test_starts_and_cancellations_are_in_the_audit_log_and_looks_are_not(api: Api) -> None:
    ana = await header_of(api, "analyst")
    id = await started(api, headers=ana)
    await api.client.get(f"/v1/jobs/{id}")
    await api.client.post(f"/v1/jobs/{id}:cancel")
    entries = [msgspec.json.decode(entry.said) for entry in api.access.audit.page(None, 4)]
    found = [(entry["by"], entry["action"], entry["subject"]) for entry in entries if entry["outcome" if "outcome" in entry else "status"]]
    assert ("analyst", "POST /v1/exports", f"job {id}: export") in found
    assert ("owner", f"POST /v1/jobs/{id}:cancel", f"job {id}: export of analyst") in found


async def test_a_result_is_a_file_with_its_digest(api: Api) -> None:
    id = await started(api)
    early = await api.client.get(f"/v1/jobs/{id}/result")
    problem_of(early, 409, "job-unfinished")
    assert early.headers["retry-after"] == "2"
    finished(api)
    answer = await api.client.get(f"/v1/jobs/{id}/result")
    assert (answer.status_code, answer.content) == (200, CONTENT)
    digest = hashlib.sha256(CONTENT)
    assert answer.headers["etag"] == f'"{digest.hexdigest()}"'
    assert answer.headers["repr-digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    assert answer.headers["content-disposition"] == 'attachment; filename="training.parquet"'
    assert (answer.headers["accept-ranges"], answer.headers["content-length"]) == ("bytes", str(len(CONTENT)))
    shown = (await api.client.get(f"/v1/jobs/{id}")).json()
    assert shown["result"] == {"rows": 7}
    assert (shown["file"]["size_bytes"], shown["file"]["sha256"]) == (len(CONTENT), digest.hexdigest())


async def test_a_part_of_a_result_is_sent_as_one(api: Api) -> None:
    path = f"/v1/jobs/{await started(api)}/result"
    finished(api)
    size = len(CONTENT)
    whole = await api.client.get(path)
    for wanted, first, end in (
        ("bytes=0-9", 0, 10),
        ("bytes=1000-", 1_000, size),
        ("bytes=-5", size - 5, size),
        (f"bytes=7-{size * 2}", 7, size),
    ):
        part = await api.client.get(path, headers={"range": wanted, "if-range": whole.headers["etag"]})
        assert (part.status_code, part.content) == (206, CONTENT[first:end])
        assert part.headers["content-range"] == f"bytes {first}-{end - 1}/{size}"
        assert part.headers["repr-digest"] == whole.headers["repr-digest"]
    of_another = await api.client.get(path, headers={"range": "bytes=0-9", "if-range": '"another"'})
    assert (of_another.status_code, of_another.content) == (200, CONTENT)
    behind = await api.client.get(path, headers={"range": f"bytes={size}-"})
    problem_of(behind, 416, "range-behind-end")
    assert behind.headers["content-range"] == f"bytes */{size}"


@pytest.mark.parametrize(
    ("header", "size", "expected"),
    [
        (None, 5, range(5)), ("bytes=0-", 5, range(5)), ("bytes=1-3", 5, range(1, 4)), ("bytes=4-4", 5, range(4, 5)),
        ("bytes=5-", 5, None), ("bytes=-2", 5, range(3, 5)), ("bytes=-9", 5, range(5)), ("bytes=-0", 5, None), ("bytes=-", 5, range(5)),
        ("bytes=3-1", 5, range(5)),
        ("lines=1-2", 5, range(5)), ("bytes=0-1,3-4", 5, range(5)), ("bytes=٣-", 5, range(5)), ("bytes=0-", 0, None), ("bytes=-1", 0, None),
        ("bytes=" + "9" * 5_000 + "-", 5, range(5)), (None, 0, range(0)),
    ],
)  # fmt: skip
def test_a_range_is_read_as_the_rfc_says(header: str | None, size: int, expected: range | None) -> None:
    assert range_of(header, size) == expected


async def test_a_job_without_a_file_gives_what_it_found(api: Api) -> None:
    id = await started(api)
    job = taken(api)
    api.jobs.finish(job.id, job.attempt, JobOutcome("done", '{"rows":7}'), api.now_ms, api.now_ms + DAY_MS)
    answer = await api.client.get(f"/v1/jobs/{id}/result")
    assert (answer.json(), answer.headers["content-type"]) == ({"rows": 7}, "application/json")


async def test_a_result_is_gone_after_its_time_though_nobody_has_removed_it_yet(api: Api) -> None:
    id = await started(api)
    finished(api)
    api.now_ms += DAY_MS - 1
    assert (await api.client.get(f"/v1/jobs/{id}/result")).status_code == 200
    api.now_ms += 1
    problem_of(await api.client.get(f"/v1/jobs/{id}/result"), 410, "result-gone")
    assert (await api.client.get(f"/v1/jobs/{id}")).json()["state"] == "expired"
    assert [job.id for job in api.jobs.expire(api.now_ms, 1 << 60)] == [id]
    problem_of(await api.client.get(f"/v1/jobs/{id}/result"), 410, "result-gone")


async def test_a_file_that_somebody_removed_is_gone(api: Api) -> None:
    id = await started(api)
    job = api.jobs.get(finished(api).id)
    assert job is not None
    path = results_of(api.settings).file_of(job)
    assert path is not None
    path.unlink()
    for _ in range(result_route.DOWNLOADS_MAX + 1):
        problem_of(await api.client.get(f"/v1/jobs/{id}/result"), 410, "result-gone")


async def test_only_so_many_results_are_sent_at_a_time(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/v1/jobs/{await started(api)}/result"
    finished(api)
    monkeypatch.setattr(result_route, "PAUSE_SECONDS", 0.2)
    answers = await asyncio.gather(*(api.client.get(path) for _ in range(result_route.DOWNLOADS_MAX + 1)))
    assert [answer.content for answer in answers if answer.status_code == 200] == [CONTENT] * result_route.DOWNLOADS_MAX
    [refused] = [answer for answer in answers if answer.status_code != 200]
    problem_of(refused, 429, "too-many")
    assert refused.headers["retry-after"] == "10"
    assert (await api.client.get(path)).status_code == 200


async def test_a_download_ends_with_its_token(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    ana = await header_of(api, "analyst")
    path = f"/v1/jobs/{await started(api, headers=ana)}/result"
    finished(api)
    monkeypatch.setattr(result_route, "PAUSE_SECONDS", 5.0)

    began = threading.Event()

    def download(port: int) -> None:
        with httpx.stream("GET", f"http://127.0.0.1:{port}{path}", headers=ana, timeout=60) as answer:
            for _ in answer.iter_bytes():
                began.set()

    with served(api) as port:
        running = asyncio.create_task(asyncio.to_thread(download, port))
        assert await asyncio.to_thread(began.wait, 60)
        url = f"http://127.0.0.1:{port}/v1/tokens/analyst"
        assert (await asyncio.to_thread(httpx.delete, url, headers=api.client.headers)).status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            await running


async def test_jobs_are_not_to_be_had_while_the_database_is_away_and_the_rest_is(api: Api) -> None:
    id = await started(api)
    api.answer_all()
    api.database.away = True
    for method, path in (("GET", "/v1/jobs"), ("GET", f"/v1/jobs/{id}"), ("GET", f"/v1/jobs/{id}/result")):
        answer = await api.client.request(method, path)
        problem_of(answer, 503, "store-away")
        assert answer.headers["retry-after"] == "1"
    for path in ("/v1/exports", f"/v1/jobs/{id}:cancel"):
        problem_of(await api.client.post(path), 503, "audit-log-away")
    decided = await api.client.post("/v1/decisions", json={"id": 1, "at": NOW_MS, "customer": "c1", "terminal": "t1", "amount": 12.5})
    assert decided.status_code == 200
    api.database.away = False
    await started(api)
