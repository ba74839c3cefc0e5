"""Says which alerts are silenced: until some time nobody is told of them."""

from collections.abc import Sequence

from stores.casework.alerts import Alert, Silence

NAME, SEVERITY = "alertname", "severity"
"""What a silence may ask for beside what alerts are grouped by; the words are Alertmanager's."""


def silence_of(alert: Alert, silences: Sequence[Silence], now_ms: int) -> Silence | None:
    """Returns the first silence that matches the alert at `now_ms`; None if none does."""
    labels = {**alert.group, NAME: alert.name, SEVERITY: alert.severity}
    return next((silence for silence in silences if _matches(silence, labels, now_ms)), None)


def _matches(silence: Silence, labels: dict[str, str], now_ms: int) -> bool:
    return silence.from_ms <= now_ms < silence.until_ms and all(labels.get(name) == value for name, value in silence.matchers.items())
