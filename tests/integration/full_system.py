"""A running system whose stores are servers of their own, as a test asks it. For tests only."""

import collections
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pyarrow as pa

from api.auth.token import read_token
from deploy.local.stack import Stack, settings_as_environment
from pipeline.sinks.archive_access import archive_of
from pipeline.sinks.decision_store import open_decisions_reader
from stores.decisions import EventName, StoredDecision, StoreUnavailableError
from stores.metrics.metric_rows import MINUTE_MS

DOCTOR_SECONDS_MAX = 400


class FullSystem:
    """What each store of a running `stack` holds. A store that does not answer holds nothing."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.settings = stack.settings
        self.token = read_token(self.settings)
        self.store = open_decisions_reader(self.settings)
        url = f"http://127.0.0.1:{self.settings.api_port}"
        self.api = httpx.Client(base_url=url, headers={"authorization": f"Bearer {self.token}"}, timeout=240, trust_env=False)

    def close(self) -> None:
        self.store.close()
        self.api.close()

    def decisions(self, event_ids: Sequence[object]) -> dict[str, StoredDecision]:
        """What Cassandra holds of these events."""
        try:
            found = self.store.get_many([EventName(str(event_id)) for event_id in event_ids])
        except StoreUnavailableError:
            return {}
        return {name.event_id: decision for name, [decision] in found.items()}

    def groups(self, from_ms: int, to_ms: int, **asked: Any) -> list[dict[str, Any]]:
        """What Druid answers through the api."""
        answer = self.api.get("/v1/metrics/query", params={"from": from_ms, "to": to_ms, **asked})
        if answer.status_code != 200:
            return []
        assert answer.json()["complete"]
        return answer.json()["groups"]

    def counted(self, from_ms: int, to_ms: int, dimension: str) -> collections.Counter[str]:
        """Decisions in Druid by one dimension."""
        groups = self.groups(from_ms, to_ms, group_by=dimension)
        return collections.Counter({group["dimensions"][dimension]: group["count"] for group in groups})

    def counted_since(self, from_ms: int, dimension: str) -> collections.Counter[str]:
        """Of the minute of `from_ms` and all after it, the one to come among them."""
        return self.counted(from_ms // MINUTE_MS * MINUTE_MS, (int(time.time() * 1000) // MINUTE_MS + 2) * MINUTE_MS, dimension)

    def archived(self, kind: str, columns: Sequence[str] = ()) -> Iterator[pa.Table]:
        """The archive on HDFS, read back."""
        return archive_of(self.settings).read(kind, columns=columns)

    def rows_archived(self, kind: str) -> int:
        """Rows in the archive; none while HDFS has only begun to answer."""
        try:
            return sum(len(table) for table in self.archived(kind, ["offset"]))
        except StoreUnavailableError:
            return 0

    def rows_in_files(self, kind: str) -> int:
        """The same by what the files say of themselves, repeats among them: cheap to ask again and again."""
        try:
            return sum(day.rows for day in archive_of(self.settings).days(kind))
        except StoreUnavailableError:
            return 0

    def doctor(self) -> str:
        """What `weir doctor` prints of the system; it ends well."""
        environment = os.environ | settings_as_environment(self.settings)
        command = [sys.executable, "-m", "deploy.command", "doctor"]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=DOCTOR_SECONDS_MAX)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout
