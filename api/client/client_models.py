"""Models from Python: who decides, how challengers compare, what drifts, promotion and rollback."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from api.models.model_shapes import ComparedModels, ModelImportance, ModelMoved, Reliability, ShownDrifts, ShownModels


class ClientModels:
    """The calls about models of one client. Each may raise a `Refusal`, as `api.client.client.Client` says.

    Args:
        read: makes a call and gives its answer in the given shape.
    """

    def __init__(self, read: Callable[..., Any]) -> None:
        self._read = read

    def all(self) -> ShownModels:
        """The models of the release in force, and what each may do."""
        found: ShownModels = self._read("GET", "/v1/models:standings", ShownModels)
        return found

    def compare(self, place: str, days: int | None = None) -> ComparedModels:
        """The champion of a place of the policy's score and those that challenge it, side by side.

        Args:
            days: within so many days of event time; None: as far back as outcomes are kept.
        """
        found: ComparedModels = self._read("GET", "/v1/models:compare", ComparedModels, params={"place": place, "days": days})
        return found

    def reliability(self, days: int | None = None) -> Reliability:
        """How often events were fraud, by the probability that their decisions said."""
        found: Reliability = self._read("GET", "/v1/models:reliability", Reliability, params={"days": days})
        return found

    def drift(self) -> ShownDrifts:
        """How far inputs, scores and the share of fraud of the newest day that is over are from those of the 28 days before."""
        found: ShownDrifts = self._read("GET", "/v1/models:drift", ShownDrifts)
        return found

    def importance(self, name: str) -> ModelImportance:
        """How much each input moves the score of the model `name`."""
        found: ModelImportance = self._read("GET", f"/v1/models/{quote(name, safe='')}:importance", ModelImportance)
        return found

    def promote(self, name: str, reason: str = "", override: bool = False) -> ModelMoved:
        """Lets the challenger `name` decide.

        Args:
            reason: why, for the audit log.
            override: promotes it although something is needed; `reason` has to say why.
        """
        body = {"reason": reason, "override": override}
        found: ModelMoved = self._read("POST", f"/v1/models/{quote(name, safe='')}:promote", ModelMoved, json=body)
        return found

    def roll_back(self, place: str, reason: str = "") -> ModelMoved:
        """Lets the model decide in `place` that did so before the last promotion."""
        found: ModelMoved = self._read("POST", f"/v1/models/{quote(place, safe='')}:roll_back", ModelMoved, json={"reason": reason})
        return found
