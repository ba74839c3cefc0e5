"""Alerts for tests."""

from stores.casework.alerts import Alert


def alert(id: str = "a1", opened_at_ms: int = 1_000, card: str = "c1", **more: object) -> Alert:
    """An alert that fires, of the kind ``attack``, grouped by the card."""
    known: dict[str, object] = {"id": id, "fingerprint": "f" + id, "name": "attack", "title": "an attack", "group": {"card": card}}
    known |= {"state": "firing", "severity": "high", "opened_at_ms": opened_at_ms, "changed_at_ms": opened_at_ms, "first_event_ms": 1}
    known |= {"last_event_ms": 2, "events": 1, "loss": 10.5, "risk": 0.9, "risk_at_ms": 3, "patterns": ("a",), "reasons": ("r",)}
    known |= {"newest": (), "entities": {"card": card}, "is_stale": False}
    return Alert(**(known | more))  # type: ignore[arg-type]
