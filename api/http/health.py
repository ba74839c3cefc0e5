"""What this process knows of the parts that it depends on."""

import time
from collections.abc import Callable

import msgspec

PARTS = ("broker", "score_job", "store", "release", "metrics", "registry", "tokens", "audit", "taken_back", "entries")
DISPENSABLE = ("metrics", "registry", "audit", "taken_back", "entries")
"""Parts without which events are decided all the same; ``taken_back`` is well while no release is in force in place of one that raised."""
NOT_CHECKED = "not checked yet"


class Part(msgspec.Struct):
    """One dependency: `ok`, in `detail` why not, and since when (ms since the epoch) it is so."""

    ok: bool
    detail: str = ""
    since_ms: int = 0


class Condition:
    """The latest findings on each dependency, and whether the score job still works through old events.

    Args:
        clock: seconds since the epoch.

    `decided_by_another` says by which other release than the one in force events are decided; '' when by none. `passed_over` says
    which newer release than the one in force does not compile, and why; '' when there is none.
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
        """Every dependency of a decision was found well."""
        return all(part.ok for name, part in self.parts.items() if name not in DISPENSABLE)

    @property
    def catching_up(self) -> bool:
        """The newest run of the score job began behind, and not all of its partitions have said that they caught up."""
        return bool(self._behind)

    @property
    def without_scores(self) -> str:
        """Why no score can be expected now; '' when one can."""
        if self.catching_up:
            return "the pipeline is catching up"
        job = self.parts["score_job"]
        return "" if job.ok or not job.detail.startswith("state") else f"the score job is down: {job.detail}"

    @property
    def may_lose_events(self) -> str:
        """Why an event that was sent may not arrive; '' when nothing speaks for it."""
        broker = self.parts["broker"]
        return "" if broker.ok or broker.detail == NOT_CHECKED else "the broker does not answer: send the event again, for it may be lost"

    def parts_without_details(self) -> dict[str, Part]:
        """The parts as anybody may see them: which of them are well, and since when, but not why not."""
        return {name: Part(part.ok, "", part.since_ms) for name, part in self.parts.items()}

    def release_problem(self, in_force: bool) -> str:
        """Why the release is not well: there is none, events are decided by another one, or a newer one does not compile; '' when well."""
        found = [self.decided_by_another if in_force else "no release is in force", self.passed_over]
        return "; ".join(filter(None, found))

    def found(self, name: str, problem: str) -> None:
        """Notes what a check of `name` found; '' is well."""
        before = self.parts[name]
        since_ms = before.since_ms if before.ok == (not problem) else self._now_ms()
        self.parts[name] = Part(not problem, problem, since_ms)

    def take_mark(self, key: str, value: bytes) -> None:
        """Takes in a record of the control topic about a run of the score job.

        ``mode:<run>`` lists, at the run's start, the partitions that it has to catch up with; ``mode:<run>:<partition>`` says
        that one of them has.

        Raises:
            ValueError: the list is none.
        """
        _, run, *partition = key.split(":")
        if partition and run == self._run:
            self._behind.discard(partition[0])
        elif not partition:
            self._behind = set(map(str, msgspec.json.decode(value, type=list[int])))
            self._run = run

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)
