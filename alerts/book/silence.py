"""Silences: until some time nobody is told of alerts that match."""

from collections.abc import Mapping, Sequence

import msgspec

from alerts.book.alert import Alert

NAME, SEVERITY = "alertname", "severity"
"""What a silence may ask for beside what alerts are grouped by; the words are Alertmanager's."""


class Silence(msgspec.Struct, frozen=True):
    """Silences all alerts that have each of these values, from `from_ms` (inclusive) until `until_ms` (exclusive), ms since the epoch.

    Args:
        id: 32 hexadecimal digits.
        matchers: value by name: a kind of entity, ``alertname`` or ``severity``.
        by, comment: who silences, and why.
    """

    id: str
    matchers: Mapping[str, str]
    from_ms: int
    until_ms: int
    by: str
    comment: str

    def matches(self, alert: Alert, now_ms: int) -> bool:
        """Returns whether the alert is silenced at `now_ms`."""
        labels = {**alert.group, NAME: alert.name, SEVERITY: alert.severity}
        return self.from_ms <= now_ms < self.until_ms and all(labels.get(name) == value for name, value in self.matchers.items())


def silence_of(alert: Alert, silences: Sequence[Silence], now_ms: int) -> Silence | None:
    """Returns the first silence that matches."""
    return next((silence for silence in silences if silence.matches(alert, now_ms)), None)
