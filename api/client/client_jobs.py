"""Jobs from Python: they are started, waited for and cancelled, and their results are fetched and checked."""

import hashlib
import pathlib
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
import msgspec

from api.client.client_refusals import no_answer, refusal_of
from api.jobs.job_shapes import Job, JobPage, JobProgress
from foundation.refusal import Refusal

ENDED = ("done", "failed", "cancelled", "expired")
LOOK_SECONDS = 2.0
AWAY_SECONDS_MAX = 60.0
TRIES_MAX = 5
"""So many times a download goes on where its connection broke."""


class ClientJobs:
    """The calls about jobs of one client. Each may raise a `Refusal`, as `api.client.client.Client` says.

    Args:
        http: sends the requests.
        read: makes a call and gives its answer in the given shape.
    """

    def __init__(self, http: httpx.Client, read: Callable[..., Any]) -> None:
        self._http = http
        self._read = read

    def start(self, path: str, parameters: Mapping[str, object], key: str | None = None) -> Job:
        """Starts a job by the route ``POST /v1/<path>``.

        Args:
            key: the same key always gives the same job, so that the call may be repeated; by default it is a new one.
        """
        headers = {"idempotency-key": key or secrets.token_hex(16)}
        job: Job = self._read("POST", f"/v1/{path}", Job, json=dict(parameters), headers=headers)
        return job

    def export(self, from_: str | int | None = None, to: str | int | None = None, key: str | None = None, form: str = "parquet") -> Job:
        """Starts an export of decisions on events with times in [from_, to), each RFC 3339 or ms since the epoch; None is no bound.

        Args:
            form: ``parquet`` or ``json_lines``.
        """
        return self.start("exports", {"from": from_, "to": to, "format": form}, key)

    def export_all(self, what: str, form: str = "parquet", key: str | None = None) -> Job:
        """Starts an export of all ``alerts``, ``cases``, ``verdicts`` or ``holds``, as ``parquet`` or ``json_lines``."""
        return self.start("exports", {"what": what, "format": form}, key)

    def backtest(
        self,
        patterns: Mapping[str, str] | None = None,
        versions: Mapping[str, str] | None = None,
        without: Sequence[str] = (),
        from_: str | int | None = None,
        to: str | int | None = None,
        value: str | None = None,
        key: str | None = None,
    ) -> Job:
        """Starts a backtest of rules on the archive, beside the rules in force. Its file holds `pipeline.backtest.figures.Figures` as JSON.

        Args:
            patterns: texts of rules by id, which are stored as versions.
            versions: hashes of stored texts by id.
            without: ids of rules that are paused for the trial.
            from_, to: only events with times in [from_, to) count, each RFC 3339 or ms since the epoch; None is no bound.
            value: the number of the event that is summed where decisions differ; None for the only decimal of the schema.
        """
        asked: dict[str, object] = {"patterns": dict(patterns or {}), "versions": dict(versions or {}), "without": list(without)}
        return self.start("patterns:backtest", asked | {"from": from_, "to": to, "value": value}, key)

    def train(self, key: str | None = None) -> Job:
        """Starts a training of all boosted models on the archive. Its file holds what is known of each, by its name, as JSON."""
        return self.start("models:train", {}, key)

    def redrive(self, topic: str = "dead-letters", reason: str = "", dry_run: bool = False, key: str | None = None) -> Job:
        """Starts to send ``dead-letters`` or ``late`` events in again whose reason contains `reason`; a dry run only counts them."""
        return self.start("redrives", {"topic": topic, "reason": reason, "dry_run": dry_run}, key)

    def verdicts(
        self,
        cases: Sequence[str],
        verdict: str,
        reason: str = "",
        inputs: Mapping[str, str | float | bool] | None = None,
        close: bool = False,
        text: str = "",
        key: str | None = None,
    ) -> Job:
        """Starts to give one verdict on up to 10,000 cases. Its file has a line for each: the id of its verdict, or why it has none."""
        given: dict[str, object] = {"cases": list(cases), "verdict": verdict, "reason": reason, "inputs": dict(inputs or {})}
        return self.start("cases:verdicts", given | {"close": close, "text": text}, key)

    def get(self, id: str) -> Job:
        """The job as it is now."""
        job: Job = self._read("GET", f"/v1/jobs/{id}", Job)
        return job

    def page(self, states: Sequence[str] = (), all: bool = False, cursor: str | None = None, limit: int = 50) -> JobPage:
        """The caller's own jobs in one of `states`, or in any; those of `all` callers for an admin. The newest come first."""
        given = {"state": list(states), "all": "true" if all else None, "cursor": cursor, "limit": limit}
        found: JobPage = self._read("GET", "/v1/jobs", JobPage, params=given)
        return found

    def cancel(self, id: str) -> Job:
        """Cancels a job: a queued one is cancelled at once, and a running one within some seconds."""
        job: Job = self._read("POST", f"/v1/jobs/{id}:cancel", Job)
        return job

    def wait(
        self,
        id: str,
        progress: Callable[[JobProgress], None] = lambda progress: None,
        seconds_max: float = float("inf"),
        look_seconds: float = LOOK_SECONDS,
    ) -> Job:
        """Waits until a job has ended, in whatever state, and gives it; an API that is away for less than a minute is waited for.

        Args:
            progress: is called with the progress of the running job after each look.
            seconds_max: when the job is not ended after so many seconds, a `Refusal` is raised; the job goes on.
        """
        deadline, away_until = time.monotonic() + seconds_max, time.monotonic() + AWAY_SECONDS_MAX
        while True:
            job = self._look(id, is_patient=time.monotonic() < away_until)
            if job is not None:
                away_until = time.monotonic() + AWAY_SECONDS_MAX
                if job.state in ENDED:
                    return job
                if job.state == "running":
                    progress(job.progress)
            if time.monotonic() > deadline:
                raise Refusal("the job has not ended", where=id, expected=f"its end within {seconds_max:g} s", got="a job that goes on")
            time.sleep(look_seconds)

    def download(self, id: str, out: pathlib.Path) -> None:
        """Writes the file that a job made to `out`, which appears, or is replaced, when it is complete and its SHA-256 is right.

        A connection that breaks is opened again, and the download goes on where it was.
        """
        part = out.with_name(f".{out.name}.{id}.part")
        download = _Download(self._http, id, part)
        try:
            download.run()
            with part.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if f'"{digest}"' != download.tag:
                expected = f"a file with the SHA-256 {download.tag}"
                raise Refusal("damaged file", where=str(out), expected=expected, got=digest, remedy="download it again")
            part.replace(out)
        finally:
            part.unlink(missing_ok=True)

    def _look(self, id: str, is_patient: bool) -> Job | None:
        """The job; None if the API, or its store, is away and `is_patient` is true."""
        try:
            answer = self._http.get(f"/v1/jobs/{id}")
        except httpx.TransportError as error:
            if is_patient:
                return None
            raise no_answer(error) from error
        if answer.is_success:
            return msgspec.json.decode(answer.content, type=Job)
        if answer.status_code == 503 and is_patient:
            return None
        raise refusal_of(answer)


class _Download:
    """Fetches the file of the job `id` into `part`; `tag` is its entity tag, once the first answer has come."""

    def __init__(self, http: httpx.Client, id: str, part: pathlib.Path) -> None:
        self._http = http
        self._path = f"/v1/jobs/{id}/result"
        self._part = part
        self.tag = ""

    def run(self) -> None:
        for tries in range(TRIES_MAX):
            try:
                self._fetch()
            except httpx.TransportError as error:
                if tries == TRIES_MAX - 1:
                    raise no_answer(error) from error
                time.sleep(1.0)
            else:
                return

    def _fetch(self) -> None:
        """Fetches what the part lacks of the file, or all of it if nothing has come yet or the file is another one."""
        at = self._part.stat().st_size if self.tag and self._part.exists() else 0
        headers = {"range": f"bytes={at}-", "if-range": self.tag} if at else {}
        with self._http.stream("GET", self._path, headers=headers) as answer:
            if answer.status_code == 416:  # the connection broke after the last byte
                return
            if not answer.is_success:
                answer.read()
                raise refusal_of(answer)
            if "etag" not in answer.headers:
                raise Refusal("no file", where=self._path, expected="a job that made a file", got="one whose result is in the job itself")
            self.tag = answer.headers["etag"]
            with self._part.open("ab" if answer.status_code == 206 else "wb") as file:
                for chunk in answer.iter_bytes():
                    file.write(chunk)
