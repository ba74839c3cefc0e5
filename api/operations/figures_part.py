"""The figures of ``/metrics`` that are looked up beside requests: of rules, cases, Flink's checkpoints and drift."""

from collections.abc import Coroutine, Sequence
from typing import Any

import httpx
from prometheus_client import CollectorRegistry

from api.definitions.in_force import InForce
from api.kafka.log import Clock
from api.models.drifting import Drifting
from api.operations.case_figures import CaseFigures
from api.operations.checkpoint_figures import CheckpointFigures
from api.operations.drift_figures import DriftFigures
from api.operations.rule_figures import RuleFigures
from foundation.settings import Settings
from pipeline.flink.flink_rest import rest_of
from stores.casework.cases import Cases
from stores.effects import Effects


class FiguresPart:
    """Registers the figures, and looks them up now and then while it runs.

    Args:
        settings: say whether there is a Flink, and where.
        registry: of what ``/metrics`` shows.
        effects, cases: the stores.
        drifting: measures drift.
        in_force: the release.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        settings: Settings,
        registry: CollectorRegistry,
        effects: Effects,
        cases: Cases,
        drifting: Drifting,
        in_force: InForce,
        clock: Clock,
    ) -> None:
        self._rules, self._cases, self._drift = RuleFigures(effects), CaseFigures(cases, in_force, clock), DriftFigures(drifting)
        self._checkpoints = CheckpointFigures(rest_of(settings).url if settings.runtime == "flink" else "")
        for each in (self._rules, self._cases, self._drift, self._checkpoints):
            registry.register(each)

    def runs(self, client: httpx.AsyncClient) -> Sequence[Coroutine[Any, Any, None]]:
        """What has to run for as long as the process lives, each by itself; `client` asks Flink."""
        return self._rules.run(), self._cases.run(), self._drift.run(), self._checkpoints.run(client)
