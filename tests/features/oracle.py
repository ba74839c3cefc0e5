"""What every template must give, made anew for each event from all that has arrived: the meaning of features, without their engine.

A definition is a dict as in features.yaml, in which `value`, `where`, `latitude` and `longitude` are `Said` (text and the same in
Python over an event's fields). Events are dicts of id, time_ms, fields (user and entities among them; None where missing) and op. Where
several users have one id they also have a turn: the number of the event in the order in which events came first.
"""

from oracle_templates import TEMPLATES
from oracle_view import View, key_of, kind_of, place_of


class Oracle:
    """Takes arrivals in their order. Text ids and whole-number ids sort alike here: ids are whole numbers."""

    def __init__(self, definitions: list[dict], user: str, lateness_ms: int, retention_ms: int) -> None:
        self.user, self.lateness_ms, self.retention_ms = user, lateness_ms, retention_ms
        self.definitions = definitions
        self.rows: dict[str, dict[str, dict[tuple[int, int, int], dict]]] = {}
        self.gone: set[tuple[str, str, tuple[int, int, int]]] = set()
        self.used: dict[tuple[str, int], dict] = {}
        self.labels: dict[tuple[str, int], tuple[int, int]] = {}

    def label(self, user: str, id: int, label: int, visible_ms: int) -> None:
        """One label an event."""
        assert (user, id) not in self.labels
        self.labels[user, id] = label, visible_ms

    def arrive(self, event: dict) -> tuple[str, dict[str, float | None]]:
        """What becomes of the event at its user, and its features."""
        kinds = dict.fromkeys([self.user, *(kind_of(definition, self.user) for definition in self.definitions)])
        fates = {kind: self.take_in(kind, event) for kind in kinds if key_of(kind, event)}
        features: dict[str, float | None] = {}
        for definition in self.definitions:
            kind = kind_of(definition, self.user)
            fate = fates.get(kind, "absent")
            unread = ("absent", "unknown", "retracted", *(("duplicate", "too late", "id reused") if kind == self.user else ()))
            features[definition["name"]] = None if fate in unread else self.feature(definition, kind, event)
        return fates[self.user], features

    def take_in(self, kind: str, event: dict) -> str:
        key, place, op = key_of(kind, event), place_of(event), event.get("op", "add")
        rows = self.rows.setdefault(kind, {}).setdefault(key, {})
        if op != "add":
            return self.change(kind, rows, event)
        if kind == self.user and (key, event["id"]) in self.used:
            return "duplicate" if self.used[key, event["id"]] == event else "id reused"
        newest_ms = max((time_ms for time_ms, *_ in rows), default=0)  # what was retracted makes nothing late
        if kind == self.user and event["time_ms"] < newest_ms - self.lateness_ms:
            return "too late"
        if (kind, key, place) in self.gone:
            return "retracted"
        if place in rows:
            return "duplicate"
        fate = "late" if rows and place < max(rows) else "scored"
        rows[place] = event
        if kind == self.user:
            self.used[key, event["id"]] = event
        return fate

    def change(self, kind: str, rows: dict, event: dict) -> str:
        place = place_of(event)
        retraction = (kind, key_of(kind, event), place)
        if event["op"] == "retract" and retraction in self.gone:
            return "duplicate" if kind == self.user else "retracted"
        if place not in rows:
            return "unknown"
        if event["op"] == "retract":
            self.gone.add(retraction)
            del rows[place]
            return "retracted"
        if kind == self.user and rows[place] == event:
            return "duplicate"
        rows[place] = event
        return "corrected"

    def feature(self, definition: dict, kind: str, event: dict) -> float | None:
        rows = self.rows[kind][key_of(kind, event)]
        own = rows[place_of(event)]
        view = View(definition, [rows[place] for place in sorted(rows)], own, self)
        return TEMPLATES[definition["template"]](view)
