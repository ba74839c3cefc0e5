"""What this process knows of the parts that it depends on."""

import msgspec


class Part(msgspec.Struct):
    """One dependency: `ok`, and in `detail` why not."""

    ok: bool
    detail: str = ""


class Condition:
    """The latest findings on each dependency, and whether the score job still works through old events.

    Args:
        partitions: of the events topic.
    """

    def __init__(self, partitions: int) -> None:
        self.parts = {name: Part(False, "not checked yet") for name in ("broker", "score_job", "store", "release")}
        self._partitions = partitions
        self._run = ""
        self._caught_up: set[str] = set()

    @property
    def ready(self) -> bool:
        """Every dependency was found well."""
        return all(part.ok for part in self.parts.values())

    @property
    def catching_up(self) -> bool:
        """Some partitions of the newest run have said that they caught up, but not all."""
        return 0 < len(self._caught_up) < self._partitions

    @property
    def without_scores(self) -> str:
        """Why no score can be expected now; '' when one can."""
        if self.catching_up:
            return "the pipeline is catching up"
        job = self.parts["score_job"]
        return "" if job.ok or not job.detail.startswith("state") else f"the score job is down: {job.detail}"

    def found(self, name: str, problem: str) -> None:
        """Notes what a check of `name` found; '' is well."""
        self.parts[name] = Part(not problem, problem)

    def take_mark(self, key: str) -> None:
        """Takes in a record ``mode:<run>:<partition>`` of the control topic: that partition has caught up."""
        _, _, place = key.partition(":")
        run, _, partition = place.rpartition(":")
        if run != self._run:
            self._run = run
            self._caught_up = set()
        self._caught_up.add(partition)
