"""Definitions of every template, random arrivals, and the way from YAML to features with a save and restore in between."""

import json
from decimal import Decimal

import numpy as np
from hypothesis import strategies as st
from oracle_view import Said, key_of

from features.layout.layout import CORRECTED, DUPLICATE, ID_REUSED, LATE, RETRACTED, TOO_LATE, UNKNOWN
from features.profiles.profiles import Profiles
from features.schema.batch import Batch
from features.schema.decode import Decoder
from features.schema.schema import read_schema

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
SCHEMA = read_schema(
    """
id: {field: id, type: integer}
time: {field: time}
user: user
entities: [shop, device]
fields:
  amount: {type: decimal, required: false, retain: true}
  x: {type: float, required: false}
  category: {type: string, required: false}
  latitude: {type: float, required: false}
  longitude: {type: float, required: false}
retention: 60d
lateness: 2h
dedupe: 60d
"""
)
FLAGS = {"scored": 0, "late": LATE, "too late": TOO_LATE, "duplicate": DUPLICATE, "id reused": ID_REUSED}
FLAGS |= {"corrected": CORRECTED, "retracted": RETRACTED, "unknown": UNKNOWN}

AMOUNT = Said("event.amount", lambda fields: fields["amount"])
X = Said("event.x", lambda fields: fields["x"])
DOUBLE = Said("event.x * 2.0", lambda fields: None if fields["x"] is None else fields["x"] * 2.0)
CATEGORY = Said("event.category", lambda fields: fields["category"])
SHOP = Said("event.shop", lambda fields: fields["shop"] or None)
LATITUDE = Said("event.latitude", lambda fields: fields["latitude"])
LONGITUDE = Said("event.longitude", lambda fields: fields["longitude"])
MANY = Said("event.amount > 1.0", lambda fields: fields["amount"] is not None and fields["amount"] > 1)
IN_A = Said("event.category == 'a'", lambda fields: fields["category"] == "a")

PARIS = "Europe/Paris"
ENDED = ["1h", "1d", {"calendar": "hour", "zone": PARIS}, {"calendar": "day", "zone": PARIS}, {"calendar": "week", "zone": PARIS}]
ENDED += [{"calendar": "month", "zone": "America/New_York"}, {"calendar": "year"}, {"session": "1h"}, {"last": 3}]
ANY = [*ENDED, "unbounded"]
DELAYED = [*ANY, {"length": "1h", "delay": "1h"}, {"length": "1d", "delay": "1h"}]
SLIDING = ["1h", "1d", {"length": "1d", "delay": "1h"}]
NUMBERS, VALUES = [AMOUNT, X, DOUBLE], [AMOUNT, CATEGORY, SHOP]
PLACE = [{"latitude": LATITUDE, "longitude": LONGITUDE}]
NOTHING: list[dict] = [{}]


def with_values(values: list[Said]) -> list[dict]:
    return [{"value": value} for value in values]


# template: what may be said beside window, where, entity and include_current; its windows; whether include_current may be said.
CASES: dict[str, tuple[list[dict], list, bool]] = {
    "count": ([{}, {"value": AMOUNT}, {"value": CATEGORY}], DELAYED, True),
    **{name: (with_values(NUMBERS), DELAYED, True) for name in ("sum", "mean", "std", "min", "max")},
    **{name: (with_values(NUMBERS), ANY, True) for name in ("last", "first")},
    "previous": (with_values(NUMBERS), ANY, False),
    "distinct": (with_values(VALUES), ENDED, True),
    "top_share": ([{"value": v, **of} for v in VALUES for of in ({}, {"of": "own"})], ENDED, True),
    "is_new": (with_values(VALUES), ENDED, False),
    "entropy": (with_values(VALUES), ENDED, True),
    "time_since_last": (NOTHING, ANY, False),
    "age": (NOTHING, ANY, True),
    "rate": ([{}, {"per": "1m"}], ["1h", "1d"], True),
    "z_score": (with_values([AMOUNT, X]), ANY, False),
    "quantile_rank": (with_values([AMOUNT, X]), ENDED, False),
    **{name: ([{"value": v, "half_life": half} for v in NUMBERS for half in ("10m", "12h")], [], False) for name in ("ew_mean", "ew_std")},
    "time_of_day": ([{}, {"zone": PARIS}], ANY, False),
    "geo_distance": (PLACE, ANY, False),
    "geo_speed": (PLACE, ANY, False),
    "label_count": (NOTHING, DELAYED, True),
    "label_rate": ([{}, {"of": "labelled"}, {"prior": {"rate": 0.25, "weight": 4}}], DELAYED, True),
    "transition_surprise": ([{"value": CATEGORY}, {"value": AMOUNT, "smoothing": 0.5}], ENDED, False),
    "burst": ([{}, {"tick": "1h", "threshold": 2}], [], False),
    "linked_count": ([{}, {"of": "device"}], ENDED, True),
}
ENTITIES = [None, "shop", ["shop", "device"], ["user", "shop"]]


def definitions_of(template: str) -> list[dict]:
    """Every window, with and without a condition and the event itself; what else may be said, and the entities, in turn."""
    said, windows, may_exclude = CASES[template]
    made: list[dict] = []
    for window in windows or [None]:
        for where in (None, MANY, IN_A):
            for current in (True, False) if may_exclude else (True,):
                for more in said:
                    at = len(made)
                    entity = "shop" if template == "linked_count" else ENTITIES[(at + at // 4) % 4]
                    definition = {"name": f"f{at}", "template": template, **more}
                    definition |= {"window": window} if window is not None else {}
                    definition |= {"where": where} if where else {}
                    definition |= {} if current else {"include_current": False}
                    definition |= {"entity": entity} if entity else {}
                    made.append(definition)
    return made


def yaml_of(definitions: list[dict]) -> str:
    return json.dumps([{name: value.cel if isinstance(value, Said) else value for name, value in d.items()} for d in definitions])


STARTS = [
    1_648_342_800_000 - HOUR_MS,  # an hour before Paris goes to summer time
    1_667_091_600_000 - HOUR_MS,  # and back
    1_709_164_800_000 - 2 * HOUR_MS,  # before 29 February
    1_672_531_200_000 - DAY_MS,  # before a year's end
]
STEPS_MS = [0, 0, 0, 1, 999, 60_000, HOUR_MS - 1, HOUR_MS, HOUR_MS + 1, 6 * HOUR_MS, DAY_MS, DAY_MS - HOUR_MS, 2 * DAY_MS]
LATE_MS = [0] * 6 + [1, 1_000, HOUR_MS, 2 * HOUR_MS, 2 * HOUR_MS + 1]


@st.composite
def fields(draw: st.DrawFn) -> dict:
    cents = draw(st.one_of(st.none(), st.integers(-3, 3).map(lambda n: n * 100), st.integers(-(10**7), 10**7)))
    return {
        "amount": None if cents is None else Decimal(cents) / 100,
        "x": draw(st.one_of(st.none(), st.integers(-3, 3).map(float), st.floats(-1e3, 1e3, width=32))),
        "category": draw(st.sampled_from([None, "a", "a", "b", "c"])),
        "latitude": draw(st.sampled_from([None, 0.0, 48.85, -33.9])),
        "longitude": draw(st.sampled_from([None, 0.0, 2.35, 151.2, -179.5])),
    }


@st.composite
def arrivals(draw: st.DrawFn) -> list[dict]:
    """Events; and labels {label, id, user, visible_ms, of: the event}."""
    clock = draw(st.sampled_from(STARTS))
    steps: list[dict] = []
    sent: list[dict] = []
    gone, labelled, corrected = set(), set(), set()
    for n in range(draw(st.integers(2, 30))):
        clock += draw(st.sampled_from(STEPS_MS))
        what = draw(
            st.sampled_from(
                ["new"] * 7
                + ["shared", "shared", "again", "reused", "correct", "correct", "retract", "unknown", "label", "label", "gone again"]
            )
        )
        ids = {
            "user": draw(st.sampled_from("aaab")),
            "shop": draw(st.sampled_from("sst") | st.just("")),
            "device": draw(st.sampled_from("def")),
        }
        time_ms = clock - draw(st.sampled_from(LATE_MS))
        fresh = {"id": n * 7919 % 10_007, "time_ms": time_ms, "fields": {**draw(fields()), **ids}, "op": "add", "turn": n}
        retracted = [event for event in sent[-8:] if event["turn"] in gone and event["turn"] not in corrected]
        if what == "gone again" and retracted:
            steps.append({**draw(st.sampled_from(retracted)), "op": draw(st.sampled_from(["add", "retract"]))})
            continue
        open_ = [event for event in sent if event["turn"] not in gone]
        if what == "shared" and sent:  # the id and time of an event of another user
            other = sent[-draw(st.integers(1, min(len(sent), 8)))]
            ids["user"] = next(name for name in "abcdefgh" if (name, other["id"]) not in {(e["fields"]["user"], e["id"]) for e in sent})
            fresh |= {"id": other["id"], "time_ms": other["time_ms"], "fields": {**fresh["fields"], **ids}}
        if what in ("new", "shared", "unknown", "gone again") or not open_:
            steps.append({**fresh, "op": "correct"} if what == "unknown" else fresh)
            sent += [fresh] if what != "unknown" else []
            continue
        old = open_[-draw(st.integers(1, min(len(open_), 8)))]
        if what == "label":
            if old["turn"] not in labelled:
                labelled.add(old["turn"])
                visible = old["time_ms"] + draw(st.sampled_from([0, 1, HOUR_MS, DAY_MS]))
                steps.append({"label": draw(st.integers(0, 1)), "of": old, "visible_ms": visible})
        elif what == "again":
            steps += [old] if old["turn"] not in corrected else []  # see the test of an event sent again after its correction
        elif what == "reused":
            steps.append({**old, "fields": {**fresh["fields"], **{k: old["fields"][k] for k in ids}, "amount": Decimal(12_345 + n)}})
        elif what == "retract":
            gone.add(old["turn"])
            steps.append({**old, "op": "retract"})
        else:
            corrected.add(old["turn"])
            steps.append({**old, "op": "correct", "fields": {**fresh["fields"], **{k: old["fields"][k] for k in ids}}})
    return steps


class Stage:
    """Profiles of one kind, as a stage holds them: all saved and restored now and then."""

    def __init__(self, features, kind: str) -> None:
        self.features, self.kind, self.plan = features, kind, features.plans[kind]
        self.profiles = Profiles(self.plan)
        self.keys: list[str] = []
        self.pages: dict[str, dict[int, bytes]] = {}

    def slots(self, keys: list[str]) -> np.ndarray:
        self.keys = list(dict.fromkeys([*self.keys, *keys]))
        return self.profiles.slots(keys)

    def observe(self, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        """Flags and features; features of events without a key are NaN."""
        keys = self.features.key(self.kind, batch)
        there = np.flatnonzero([key != "" for key in keys])
        flags = np.zeros(len(batch), np.int64)
        made = np.full((len(batch), len(self.features.columns[self.kind])), np.nan)
        if len(there):
            own = batch.take(there)
            read = np.empty((len(own), self.plan.width))
            values = self.plan.row_values.of(own)
            flags[there] = self.profiles.observe(self.slots([keys[at] for at in there]), own, values, read).flags
            made[there] = self.features.finish(self.kind, read, values, own.times_ms)
        return flags, made

    def label(self, label: dict) -> None:
        key = key_of(self.kind, label["of"])
        if key:
            one = [np.array([value]) for value in (label["of"]["time_ms"], label["of"]["id"], label["label"], label["visible_ms"])]
            self.profiles.label(self.slots([key]), one[0], one[1], [label["of"]["fields"]["user"]], one[2].astype(np.int8), one[3])

    def save_and_restore(self) -> None:
        saved = self.profiles.save(self.profiles.slots(self.keys))
        for at, seq in saved.dropped:
            self.pages.get(self.keys[at], {}).pop(seq, None)
        for at, seq, page in saved.pages:
            self.pages.setdefault(self.keys[at], {})[seq] = page
        self.profiles = Profiles(self.plan)
        for key, head in zip(self.keys, saved.heads, strict=True):
            self.profiles.restore(key, head, list(self.pages.get(key, {}).items()))


DECODER = Decoder(SCHEMA)


def batch_of(events: list[dict]) -> Batch:
    bodies = []
    for event in events:
        body = {name: str(value) if isinstance(value, Decimal) else value for name, value in event["fields"].items() if value is not None}
        bodies.append(json.dumps({"id": event["id"], "time": event["time_ms"], "op": event["op"], **body}, sort_keys=True).encode())
    return Batch.of([DECODER.decode(body, 1 << 50) for body in bodies], SCHEMA)


def runs_of(steps: list[dict], cuts: set[int]) -> list[list[dict]]:
    runs: list[list[dict]] = []
    for at, step in enumerate(steps):
        if not runs or "label" in step or "label" in runs[-1][-1] or at in cuts:
            runs.append([])
        runs[-1].append(step)
    return runs


EXACT = ("count", "sum", "min", "max", "last", "first", "previous", "distinct", "is_new", "label_count", "linked_count", "quantile_rank")
