"""The last step remembers each decision beside its event, and gives repeated events the newest decision on them."""

from pipeline.engine.decisions.revisions import remember
from pipeline.engine.decisions.verdicts import REMEMBERED, Verdicts
from pipeline.engine.definitions.release import Release
from pipeline.engine.steps.step import Turn

_EVENT_NS = 150.0


class RecordStep:
    """Keeps each decision in the user's profile and answers duplicates from there."""

    name = "record"
    reads: tuple[str, ...] = ("flags", "rows", "outcomes", *REMEMBERED)
    fills: tuple[str, ...] = ("flags", *REMEMBERED)

    def cost_ns(self, release: Release) -> float:
        return _EVENT_NS

    def run(self, turn: Turn, verdicts: Verdicts) -> None:
        remember(verdicts, turn.profiles)
