"""Every template, window and sort of entity: events through Kafka and Flink are decided as by replay, bit for bit."""

import random

import pytest
from example_counts import IS_DEEP
from parity import Parity, Replayed, by_id
from score_job_runs import Json, cancel, decisions, submitted
from template_streams import CASES, definitions_of, yaml_of

pytestmark = [pytest.mark.flink, *([pytest.mark.deep] if IS_DEEP else [])]
SHARE = 1 if IS_DEEP else 5
"""Of 100,000 events and their users an ordinary run takes a fifth, over the same three weeks: each user has as many."""
EVENTS = 100_000 // SHARE
START_MS = 1_648_339_200_000  # a day before Paris goes to summer time
SCHEMA = """
id: {field: id, type: integer}
time: {field: time, unit: ms}
user: user
entities: [shop, device]
fields:
  amount: {type: decimal, scale: 2, required: false, retain: true}
  x: {type: float, required: false}
  category: {type: string, required: false}
  latitude: {type: float, required: false}
  longitude: {type: float, required: false}
retention: 60d
lateness: 10m
"""
DERIVED = [
    {"name": "hour", "template": "calendar", "part": "hour", "zone": "Europe/Paris"},
    {"name": "unusual", "expression": "event.amount / feature.mean_1"},
]
MODELS = """
- {name: shape, kind: river, model: anomaly.HalfSpaceTrees, scope: global, inputs: [event.amount, feature.count_0, feature.burst_0],
   parameters: {window_size: 50, scaling: standard, seed: 7}}
- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 3}}
"""
POLICY = """
score: first_ready(shape, own)
bands: [{below: 0.5, action: approve}, {below: 0.9, action: review}, {action: block}]
fallback: {action: review}
"""


def features() -> str:
    """Two definitions of each template, so chosen that all windows and entities occur."""
    chosen = []
    for number, template in enumerate(CASES):
        made = definitions_of(template)
        for which in range(2):
            definition = made[(7 * number + which * (len(made) // 2 + 1)) % len(made)]
            chosen.append({**definition, "name": f"{template}_{which}"})
    return yaml_of(DERIVED + chosen)


def events(seed: int, count: int) -> list[Json]:
    """In order of (time, id): ties, bursts, entities and values that are missing, categories in sequences."""
    draw = random.Random(seed)
    at, made = START_MS, []
    for id in range(count):
        at += draw.choice((0, 1, 500, SHARE * 30_000, SHARE * 60_000))
        who = int(draw.paretovariate(0.6)) % (3_000 // SHARE)
        made.append(
            {
                "id": id,
                "time": at,
                "user": f"u{who}",
                "shop": f"s{draw.randrange(200 // SHARE)}" if draw.random() < 0.9 else None,
                "device": f"d{who % (900 // SHARE) + draw.randrange(2)}" if draw.random() < 0.8 else None,
                "amount": draw.randrange(1, 9_999) / 100 if draw.random() < 0.95 else None,
                "x": draw.gauss(0, 5) if draw.random() < 0.9 else None,
                "category": draw.choice("aaabc"),
                "latitude": draw.uniform(-60, 60) if draw.random() < 0.7 else None,
                "longitude": draw.uniform(-180, 180),
            }
        )
    return made


def positives(sent: list[Json]) -> list[tuple[Json, int]]:
    """Every 11th event, with the time its label is known at."""
    return [(event, int(event["time"]) + 3_600_000 + 1_000 * int(event["id"])) for event in sent[::11]]


PARITY = Parity({"schema": SCHEMA, "features": features(), "models": MODELS, "policy": POLICY}, events(2, 5_000))


@pytest.fixture(scope="module")
def replayed(tmp_path_factory) -> Replayed:
    sent = events(1, EVENTS)
    return PARITY.replayed(sent, positives(sent), tmp_path_factory.mktemp("templates"))


@pytest.fixture(scope="module", params=[pytest.param(1, marks=pytest.mark.long), 2])
def served(request, broker: str, flink, replayed: Replayed, tmp_path_factory) -> dict[str, Json]:
    """Decisions of the score job, by event id."""
    flink.scale(request.param)
    folder = tmp_path_factory.mktemp(f"templates-{request.param}")
    settings = PARITY.fed(broker, flink, folder, f"templates{request.param}.", request.param, events(1, EVENTS), replayed)
    job = submitted(flink, settings)
    streamed = by_id(decisions(settings, EVENTS))
    cancel(flink, job)  # its slots are the next test's
    return streamed


def test_every_feature_had_something_to_say(replayed: Replayed) -> None:
    """Each has more than one value, so that equality means something."""
    some = replayed.decisions[:: EVENTS // 20_000]
    seen = {name: {row["features"][name] for row in some} for name in PARITY.release.features.names}
    assert {name: len(values) for name, values in seen.items() if len(values) < 2} == {}


def test_every_decision_is_replays_bit_for_bit(served: dict[str, Json], replayed: Replayed) -> None:
    assert len(served) == len(replayed.decisions) == EVENTS
    assert PARITY.differences(served, replayed.decisions)[:20] == []


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> Replayed:
    """What replay says where one payment is a cent higher."""
    sent = events(1, EVENTS)
    paid = next(event for event in sent[EVENTS // 2 :] if event["amount"])
    paid["amount"] = round(paid["amount"] + 0.01, 2)
    return PARITY.replayed(sent, positives(sent), tmp_path_factory.mktemp("planted"))


def test_a_planted_error_of_one_cent_is_noticed(served: dict[str, Json], planted: Replayed) -> None:
    assert PARITY.differences(served, planted.decisions) != []
