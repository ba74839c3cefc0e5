"""The health of each part that this API process depends on."""

import time
from collections.abc import Callable

import msgspec

PARTS = ("broker", "score_job", "store", "release", "metrics", "registry", "tokens", "audit", "taken_back", "entries")
DISPENSABLE = ("metrics", "registry", "audit", "taken_back", "entries")
"""Events are decided even while these parts are down. ``taken_back`` is ok unless the release in force is an automatic rollback."""
NOT_CHECKED = "not checked yet"


class Part(msgspec.Struct):
    """One dependency: whether it is `ok`, why not (`detail`), and since when it is in this state (ms since the epoch)."""

    ok: bool
    detail: str = ""
    since_ms: int = 0


class Health:
    """The latest result of the check of each dependency, and whether the score job is still catching up with old events.

    Args:
        clock: seconds since the epoch.

    Attributes:
        parts: the latest result by the name of the part.
        decided_by_another: a sentence that says which release decides events in place of the one in force; '' when none does.
        passed_over: a sentence that says which release newer than the one in force does not compile, and why; '' when there is none.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.parts = {name: Part(False, NOT_CHECKED, self._now_ms()) for name in PARTS}
        self.decided_by_another = ""
        self.passed_over = ""
        self._run = ""
        self._behind: set[str] = set()

    @property
    def ready(self) -> bool:
        """Whether every part that a decision needs is ok."""
        return all(part.ok for name, part in self.parts.items() if name not in DISPENSABLE)

    @property
    def catching_up(self) -> bool:
        """Whether the newest run of the score job started with a backlog and some of its partitions have not caught up yet."""
        return bool(self._behind)

    @property
    def without_scores(self) -> str:
        """Why the pipeline gives no scores now; '' when it does."""
        if self.catching_up:
            return "the pipeline is catching up"
        job = self.parts["score_job"]
        return "" if job.ok or not job.detail.startswith("state") else f"the score job is down: {job.detail}"

    @property
    def may_lose_events(self) -> str:
        """Why an event that was just sent may be lost; '' when there is no reason to fear so."""
        broker = self.parts["broker"]
        return "" if broker.ok or broker.detail == NOT_CHECKED else "the broker does not answer: send the event again, for it may be lost"

    def parts_without_details(self) -> dict[str, Part]:
        """The parts for callers without a token: whether each is ok and since when, but not why not."""
        return {name: Part(part.ok, "", part.since_ms) for name, part in self.parts.items()}

    def release_problem(self, in_force: bool) -> str:
        """Why the part ``release`` is not ok: none is in force, another one decides events, or a newer one does not compile; else ''."""
        found = [self.decided_by_another if in_force else "no release is in force", self.passed_over]
        return "; ".join(filter(None, found))

    def found(self, name: str, problem: str) -> None:
        """Notes the result of a check of the part `name`; `problem` is '' when the part is ok."""
        before = self.parts[name]
        since_ms = before.since_ms if before.ok == (not problem) else self._now_ms()
        self.parts[name] = Part(not problem, problem, since_ms)

    def take_catch_up_marker(self, key: str, value: bytes) -> None:
        """Takes in a record of the control topic about a run of the score job.

        ``mode:<run>`` lists the partitions that have a backlog when the run starts; the catch-up marker ``mode:<run>:<partition>`` says
        that one of them has been read to the end of its backlog.

        Raises:
            ValueError: `value` is not a JSON array of partition numbers.
        """
        _, run, *partition = key.split(":")
        if partition and run == self._run:
            self._behind.discard(partition[0])
        elif not partition:
            self._behind = set(map(str, msgspec.json.decode(value, type=list[int])))
            self._run = run

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)
