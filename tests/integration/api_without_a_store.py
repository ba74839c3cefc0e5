"""The API as a process while one of its stores is away: a program in place of Flink, and what `/ready` says is missing."""

import contextlib
import http.server
import threading
from collections.abc import Iterator

import httpx
import msgspec
from api_process import payment, start_api
from score_job_runs import Json, wait_for

from api.auth.token import read_token
from api.http.health import NOT_CHECKED, PARTS
from deploy.machine.processes import Processes
from foundation.settings import Settings

OTHERS = ("metrics", "taken_back", "entries")
"""Parts that depend on more than the store that is away."""


class _Flink(http.server.BaseHTTPRequestHandler):
    """Says that the score job runs."""

    def do_GET(self) -> None:
        job = {"name": "weir-score", "state": "RUNNING", "start-time": 1, "tasks": {"total": 1, "running": 1}}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(msgspec.json.encode({"jobs": [job]}))

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextlib.contextmanager
def flink_with_the_score_job() -> Iterator[int]:
    """Gives the port of what says that the score job runs."""
    flink = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Flink)
    threading.Thread(target=flink.serve_forever, daemon=True).start()
    yield flink.server_port
    flink.shutdown()
    flink.server_close()


class ApiWithoutAStore:
    """The API, started while its store is away, and a caller with the owner's token."""

    def __init__(self, settings: Settings, processes: Processes) -> None:
        self.settings = settings
        self.processes = processes
        self.api = processes.add(start_api(settings, token=""))
        headers = {"authorization": f"Bearer {read_token(settings, {})}"}
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{settings.api_port}", headers=headers, timeout=240, trust_env=False)

    def missing(self) -> dict[str, str]:
        """Detail of each part but `OTHERS` that is not well, once all have been looked at."""
        wait_for(lambda: NOT_CHECKED not in self.client.get("/ready").text, 20, "a part is not checked")
        parts: Json = self.client.get("/ready").json()["parts"]
        assert set(parts) == set(PARTS)
        return {name: part["detail"] for name, part in parts.items() if not part["ok"] and name not in OTHERS}

    def decide(self, id: int) -> None:
        """Asks for a decision, which the score job gives."""
        answer = self.client.post("/v1/decisions?deadline_ms=5000", json=payment(id))
        assert (answer.status_code, answer.json()["score"], answer.json()["flags"]) == (200, 0.5, [])
