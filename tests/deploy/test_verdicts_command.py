"""`weir cases verdicts` asks for a job, waits for it, and says what came of each case."""

import contextlib
import pathlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from api.client.client_jobs import ClientJobs
from deploy.api_commands import case_commands
from pipeline.jobs.verdicts_kind import VerdictsParameters


class Jobs(ClientJobs):
    """Jobs that are done at once."""

    def __init__(self, items: bytes, state: str = "done") -> None:
        super().__init__(None, self.ask)  # type: ignore[arg-type]  # nothing is sent
        self.items, self.state = items, state

    def ask(self, method: str, path: str, shape: object, json: dict[str, object], headers: object) -> Any:
        self.asked = (path, msgspec.convert(json, VerdictsParameters))
        return SimpleNamespace(id="j1")

    def wait(self, id: str, *_: object) -> Any:
        return SimpleNamespace(id=id, state=self.state, result={"given": 1}, problem=None)

    def download(self, id: str, out: pathlib.Path) -> None:
        out.write_bytes(self.items)


def run(monkeypatch: pytest.MonkeyPatch, jobs: Jobs) -> tuple[int, str]:
    @contextlib.contextmanager
    def api() -> Iterator[Any]:
        yield SimpleNamespace(jobs=jobs)

    monkeypatch.setattr(case_commands, "_api", api)
    asked = ["verdicts", "fraud", "c1", "c2", "--reason", "stolen_card", "--input", "called=true", "--close"]
    answer = CliRunner().invoke(case_commands.cases, asked)
    assert isinstance(answer.exception, SystemExit | None)
    return answer.exit_code, answer.output


def test_what_came_of_each_case_is_said_and_one_without_a_verdict_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Jobs(b'{"case":"c1","verdict":"v1"}\n{"case":"c2","verdict":"","problem":"there is no such case"}\n')
    status, said = run(monkeypatch, jobs)
    assert status == 1 and "c1  v1\n" in said and "c2  there is no such case\n" in said
    given = VerdictsParameters(("c1", "c2"), "fraud", "stolen_card", {"called": True}, True)
    assert jobs.asked == ("/v1/cases:verdicts", given)
    assert run(monkeypatch, Jobs(b'{"case":"c1","verdict":"v1"}\n'))[0] == 0


def test_a_job_that_is_cancelled_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, Jobs(b"", "cancelled"))[0] == 1
