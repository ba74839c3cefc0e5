"""Backtests over HTTP, by the client and by the command: what is tried is checked at the door, and stored before the job waits."""

import json
import pathlib
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import pytest
from api_imitation import NOW_MS, TEXTS, TOKEN, Api
from click.testing import CliRunner
from served import served

from api.client.client import Client
from api.patterns.backtests import newest_backtests
from deploy.command import main
from foundation.content_hash import content_hash
from patterns.lifecycle.promotion import Measured
from pipeline.jobs.job_child import described
from pipeline.jobs.job_kind import JobResult
from pipeline.jobs.kinds import KINDS
from pipeline.jobs.result_folder import results_of
from stores.archive.archive import open_archive
from stores.archive.archive_encoding import day_of, encode_records, folder_of
from stores.archive.archive_rows import ArchivedRecord
from stores.jobs import JobOutcome, StoredJob

RULE = "title: A great amount\nowner: team\nwhen: event.amount > 100.0\nthen: {action: block}\nstatus: shadow\n"
HASH = content_hash(RULE)


@pytest.fixture
async def started(api: Api) -> Api:
    """The application with a release that the registry has."""
    api.in_force.release, api.in_force.texts = None, {}
    (await api.client.post("/v1/releases", json=TEXTS)).raise_for_status()
    return api


async def header_of(api: Api, role: str) -> dict[str, str]:
    made = await api.client.post("/v1/tokens", json={"name": role, "roles": [role]})
    return {"authorization": f"Bearer {made.json()['token']}"}


async def test_texts_are_stored_as_versions_and_the_job_names_their_hashes(started: Api) -> None:
    answer = await started.client.post("/v1/patterns:backtest", json={"patterns": {"great": RULE}, "from": "2026-11-01T00:00:00Z"})
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert (job["kind"], job["parameters"]["versions"], job["parameters"]["patterns"]) == ("backtest", {"great": HASH}, {})
    assert job["parameters"]["from"] == 1_793_491_200_000
    assert started.registry.text(HASH) == RULE
    assert (await started.client.get("/v1/patterns")).json()["patterns"] == []


async def test_a_text_that_an_upload_would_be_refused_for_is_refused_with_its_place_and_no_job_begins(started: Api) -> None:
    answer = await started.client.post("/v1/patterns:backtest", json={"patterns": {"great": RULE.replace("event.amount", "event.amuont")}})
    assert (answer.status_code, answer.json()["where"]) == (422, "patterns/great.yaml:3:13")
    assert "event.amount" in answer.text
    assert started.jobs.page(None, (), None, 10) == []


@pytest.mark.parametrize("versions", [{"great": "0" * 64}, {"great": ""}])
async def test_a_version_that_is_not_stored_is_not_found(started: Api, versions: dict[str, str]) -> None:
    assert (await started.client.post("/v1/patterns:backtest", json={"versions": versions})).status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"patterns": {}}, {"from": 5, "to": 5, "without": ["a"]}, {"without": "a"}, {"patterns": {"a b": RULE}}]
)
async def test_a_request_for_nothing_or_for_what_cannot_be_is_refused(started: Api, body: dict[str, object]) -> None:
    assert (await started.client.post("/v1/patterns:backtest", json=body)).status_code == 422


@pytest.mark.parametrize(("role", "status"), [("author", 202), ("approver", 202), ("analyst", 403), ("reader", 403), ("system", 403)])
async def test_authors_and_approvers_may_ask_for_a_backtest(started: Api, role: str, status: int) -> None:
    answer = await started.client.post("/v1/patterns:backtest", json={"patterns": {"great": RULE}}, headers=await header_of(started, role))
    assert answer.status_code == status, answer.text


class Office(NamedTuple):
    """The application on a socket, which the environment names, with an archive; the test plays the worker's part."""

    api: Api
    client: Client

    def work(self, done: threading.Event | None = None) -> StoredJob:
        """Does the next job that is queued, within a minute, as the worker does it."""
        deadline = time.monotonic() + 60
        while (job := self.api.jobs.take("w1", ("backtest",), self.api.now_ms, self.api.now_ms + 60_000)) is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        kind = KINDS["backtest"]
        folder = results_of(self.api.settings).make(job)
        parameters = msgspec.json.decode(job.request.parameters, type=kind.parameters)
        result: JobResult = kind.run(parameters, Surroundings(self.api, folder))
        outcome = JobOutcome("done", msgspec.json.encode(result.found).decode(), described(folder / result.file))
        assert self.api.jobs.finish(job.id, job.attempt, outcome, self.api.now_ms, self.api.now_ms + 1_000)
        return job


class Surroundings:
    """What a job knows."""

    def __init__(self, api: Api, folder: pathlib.Path) -> None:
        self.settings = api.settings
        self.folder = folder

    def progress(self, done: int, total: int) -> None: ...


@pytest.fixture
def office(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    (tmp_path / "token").write_text(TOKEN)
    api = Api(tmp_path)
    api.in_force.release, api.in_force.texts = None, {}
    archive = open_archive(api.settings.archive_place())
    events = [{"id": number, "at": NOW_MS + number, "customer": f"c{number % 3}", "amount": 10.0 * number} for number in range(20)]
    records = [ArchivedRecord(0, at, event["at"], b"k", msgspec.json.encode(event)) for at, event in enumerate(events)]
    folder = f"{archive.root}/{folder_of('events', day_of(NOW_MS))}"
    archive.files.create_dir(folder, recursive=True)
    with archive.files.open_output_stream(f"{folder}/part-0.parquet") as out:
        out.write(encode_records(records))
    with served(api) as port, Client(f"http://127.0.0.1:{port}", TOKEN) as client:
        assert client.put(TEXTS).release == 1
        monkeypatch.setenv("WEIR_FOLDER", str(tmp_path))
        monkeypatch.setenv("WEIR_API_PORT", str(port))
        yield Office(api, client)
    api.decisions.close()
    api.database.close()


def test_a_finished_backtest_is_found_by_the_text_that_it_tried_and_by_no_other(office: Office) -> None:
    assert newest_backtests(office.api.jobs, {"great": HASH}) == {}
    waiting = office.client.jobs.backtest({"great": RULE})
    assert newest_backtests(office.api.jobs, {"great": HASH}) == {}
    office.work()
    [found] = newest_backtests(office.api.jobs, {"great": HASH, "other": HASH}).values()
    assert (found.job.id, found.measured) == (waiting.id, Measured(20, 9, 0, 0))
    assert newest_backtests(office.api.jobs, {"great": content_hash(RULE + "\n")}) == {}


def test_the_command_tries_a_rule_of_the_system_and_prints_what_it_would_change(office: Office) -> None:
    office.client.patterns.put("great", RULE)
    thread = threading.Thread(target=office.work, daemon=True)
    thread.start()
    said = CliRunner().invoke(main, ["patterns", "backtest", "great"])
    thread.join(60)
    assert said.exit_code == 0, said.output
    assert "It matches 9 events (45.0 %" in said.output
    assert "approve -> block" in said.output
    assert "What this does not simulate" in said.output


def test_the_command_tries_a_file_and_prints_all_figures_as_json(office: Office, tmp_path: pathlib.Path) -> None:
    (tmp_path / "great.yaml").write_text(RULE)
    thread = threading.Thread(target=office.work, daemon=True)
    thread.start()
    said = CliRunner().invoke(main, ["patterns", "backtest", str(tmp_path / "great.yaml"), "--json"])
    thread.join(60)
    assert said.exit_code == 0, said.output
    figures = json.loads(said.stdout)
    assert figures["rules"][0]["caught"]["counts"]["events"] == 9


def test_the_command_says_that_the_system_has_no_such_rule(office: Office) -> None:
    said = CliRunner().invoke(main, ["patterns", "backtest", "nobody"])
    assert (said.exit_code, "no rule nobody" in said.output) == (1, True)
