"""Alerts and silences from Python."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from api.alerts.alert_shapes import AlertEventPage, AlertPage, GivenSilence, ShownAlert, Silences
from stores.casework.alerts import AlertState, Silence


class ClientAlerts:
    """The calls about alerts of one client. Each may raise a `Refusal`, as `api.client.client.Client` says.

    Args:
        read: makes a call and gives its answer in the given shape.
    """

    def __init__(self, read: Callable[..., Any]) -> None:
        self._read = read

    def page(
        self,
        states: Sequence[AlertState] = (),
        names: Sequence[str] = (),
        entity: tuple[str, str] | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> AlertPage:
        """Returns alerts, newest first: those in one of `states`, of one of the kinds `names`, of the entity (type, id), or all."""
        given = {"state": list(states), "name": list(names), "cursor": cursor, "limit": limit}
        if entity is not None:
            given |= {"entity": entity[0], "id": entity[1]}
        found: AlertPage = self._read("GET", "/v1/alerts", AlertPage, params=given)
        return found

    def show(self, id: str) -> ShownAlert:
        """Returns one alert."""
        found: ShownAlert = self._read("GET", f"/v1/alerts/{quote(id, safe='')}", ShownAlert)
        return found

    def events(self, id: str, cursor: str | None = None, limit: int = 200) -> AlertEventPage:
        """Returns events of an alert; `next` of a page is the cursor of the page behind it."""
        given = {"limit": limit, "cursor": cursor}
        found: AlertEventPage = self._read("GET", f"/v1/alerts/{quote(id, safe='')}/events", AlertEventPage, params=given)
        return found

    def silences(self) -> Silences:
        """Returns the silences that have not ended: those of this system, and those of its Alertmanager."""
        found: Silences = self._read("GET", "/v1/silences", Silences)
        return found

    def silence(self, matchers: Mapping[str, str], until_ms: int, comment: str) -> Silence:
        """Silences alerts that have each value of `matchers`, until `until_ms` (exclusive), ms since the epoch."""
        content = msgspec.json.encode(GivenSilence(dict(matchers), until_ms, comment))
        found: Silence = self._read("POST", "/v1/silences", Silence, content=content)
        return found

    def unsilence(self, id: str) -> Silence:
        """Ends a silence of this system now."""
        found: Silence = self._read("DELETE", f"/v1/silences/{quote(id, safe='')}", Silence)
        return found
