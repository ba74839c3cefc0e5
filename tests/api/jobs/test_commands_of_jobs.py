"""`weir jobs` and `weir export --job` against the real application on a real socket; the test plays the worker's part."""

import hashlib
import pathlib
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import pytest
from api_imitation import TOKEN, Api
from click.testing import CliRunner, Result
from served import served

from deploy.command import main
from pipeline.jobs.result_folder import results_of
from stores.jobs import JobOutcome, JobRequest, QueueBounds, ResultFile, new_job_id

CONTENT = b"rows of training data"


class Office(NamedTuple):
    """The application, which the environment names."""

    api: Api

    def ask(self) -> str:
        asked = JobRequest("export", '{"from":null,"to":null}', "owner", self.api.now_ms)
        return self.api.jobs.add(new_job_id(self.api.now_ms), asked, QueueBounds(10, 10)).id

    def work(self, problem: dict[str, str] | None = None) -> None:
        """Ends the next job that is queued, within a minute."""
        deadline = time.monotonic() + 60
        while (job := self.api.jobs.take("w1", ("export",), self.api.now_ms, self.api.now_ms + 60_000)) is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        (results_of(self.api.settings).make(job) / "training.parquet").write_bytes(CONTENT)
        file = ResultFile("training.parquet", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
        outcome = JobOutcome("failed", problem=problem) if problem else JobOutcome("done", '{"rows":7}', file)
        self.api.jobs.finish(job.id, job.attempt, outcome, self.api.now_ms, self.api.now_ms + 1_000)


@pytest.fixture
def office(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    (tmp_path / "token").write_text(TOKEN)
    api = Api(tmp_path)
    with served(api) as port:
        monkeypatch.setenv("WEIR_FOLDER", str(tmp_path))
        monkeypatch.setenv("WEIR_API_PORT", str(port))
        yield Office(api)
    api.decisions.close()
    api.database.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_jobs_are_listed_shown_and_cancelled(office: Office) -> None:
    id = office.ask()
    listed = run("jobs", "list")
    assert listed.exit_code == 0, listed.output
    assert listed.output.split()[:4] == [id, "export", "queued", "owner"]
    assert run("jobs", "list", "--state", "done").output == ""
    assert msgspec.json.decode(run("jobs", "show", id).output)["state"] == "queued"
    assert run("jobs", "cancel", id).output == f"{id} is cancelled\n"
    again = run("jobs", "show", "0" * 32)
    assert (again.exit_code, "no job of yours" in again.output) == (2, True)
    assert run("jobs", "wait", id).exit_code == 1


def test_a_job_is_waited_for_and_its_file_downloaded(office: Office, tmp_path: pathlib.Path) -> None:
    id = office.ask()
    office.work()
    waited = run("jobs", "wait", id)
    assert (waited.exit_code, waited.output) == (0, "done        rows 7\n")
    assert run("jobs", "download", id, "--out", str(tmp_path / "mine.parquet")).exit_code == 0
    assert (tmp_path / "mine.parquet").read_bytes() == CONTENT


def test_an_export_is_done_by_a_job_and_downloaded(office: Office, tmp_path: pathlib.Path) -> None:
    out = tmp_path / "mine.jsonl"
    threading.Thread(target=office.work, daemon=True).start()
    exported = run("export", "--served", "--job", "--from", "2026-11-23T00:00:00Z", "--out", str(out))
    assert exported.exit_code == 0, exported.output
    assert f"written     {out}" in exported.output
    assert out.read_bytes() == CONTENT
    [job] = office.api.jobs.page(None, (), None, 10)
    assert msgspec.json.decode(job.request.parameters) == {
        "from": 1_795_392_000_000, "to": None, "what": "training", "format": "json_lines", "hidden": [],
    }  # fmt: skip


def test_an_export_whose_job_fails_says_why_and_writes_nothing(office: Office, tmp_path: pathlib.Path) -> None:
    problem = {"what": "no answer", "where": "broker", "expected": "records", "got": "none", "remedy": "start it"}
    threading.Thread(target=office.work, args=[problem], daemon=True).start()
    exported = run("export", "--served", "--job", "--out", str(tmp_path / "mine.parquet"))
    assert exported.exit_code == 1
    assert "broker: no answer: expected records, got none; start it" in exported.output
    assert not (tmp_path / "mine.parquet").exists()


def test_a_job_is_for_what_was_served_only_and_replaces_no_file_unasked(tmp_path: pathlib.Path) -> None:
    (tmp_path / "events.csv").write_text("")
    replayed = run("export", "--replayed", str(tmp_path / "events.csv"), "--job", "--out", str(tmp_path / "x"))
    assert (replayed.exit_code, "--served" in replayed.output) == (2, True)
    there = run("export", "--served", "--job", "--out", str(tmp_path / "events.csv"))
    assert (there.exit_code, "file exists" in there.output) == (2, True)
