"""Knows which alerts mute others: those that fire, counted by the values that have to be equal."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from alerts.policy.alert_definition import AlertDefinition, Inhibition
from stores.casework.alerts import Alert


class Inhibitions:
    """Counts alerts that fire.

    Args:
        definitions: the kinds of alerts.
        firing: the alerts that fire now.
    """

    def __init__(self, definitions: Sequence[AlertDefinition], firing: Iterable[Alert]) -> None:
        self._inhibitions = {inhibition for definition in definitions for inhibition in definition.inhibited_by}
        self._counts: Counter[tuple[Inhibition, tuple[str | None, ...]]] = Counter()
        for alert in firing:
            self.count(alert, 1)

    def count(self, alert: Alert, change: int) -> None:
        """Counts an alert that begins (1) or ends (-1) to fire."""
        for inhibition in self._inhibitions:
            if inhibition.name == alert.name:
                self._counts[inhibition, _values(inhibition, alert.group)] += change

    def of(self, definition: AlertDefinition, alert: Alert) -> str:
        """Returns the kind of alert that mutes `alert`; empty if none does."""
        muting = (each for each in definition.inhibited_by if self._counts[each, _values(each, alert.entities)] > 0)
        found = next(muting, None)
        return found.name if found else ""


def _values(inhibition: Inhibition, values: Mapping[str, str]) -> tuple[str | None, ...]:
    return tuple(values.get(kind) for kind in inhibition.equal)
