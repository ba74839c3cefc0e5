"""The learned thresholds of a rule are read for one entity over HTTP, with the reason in words."""

import msgspec
import pytest
from api_imitation import TEXTS, Api, event

from detectors.snapshot_parts import parts_of
from features.schema.batch import Batch
from features.schema.decode import Decoder
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import History
from pipeline.trial.one_process import OneProcess

RULE = (
    "title: More than usual\nowner: team\nstatus: shadow\nadaptive:\n"
    "  usual: {of: event.amount, rate: 1/20}\n  pace: {of: feature.count_1h, rate: 1/20}\n"
    "when: event.amount > adaptive.usual && feature.count_1h > adaptive.pace\n"
)
OF_PAIR = (
    "title: More than usual there\nowner: team\nstatus: shadow\nadaptive:\n"
    "  usual: {of: event.amount, rate: 1/20, key: [customer, terminal]}\nwhen: event.amount > adaptive.usual\n"
)
PLAIN = "title: Plain\nowner: team\nstatus: shadow\nwhen: event.amount > 1.0\n"
RULES = TEXTS | {"pattern:odd": RULE, "pattern:there": OF_PAIR, "pattern:plain": PLAIN}


@pytest.fixture(autouse=True)
async def in_force(api: Api) -> None:
    """Release 1 comes from the registry, as in a system that was started once."""
    api.in_force.release, api.in_force.texts = None, {}
    (await api.client.post("/v1/releases", json=RULES)).raise_for_status()


def decide(api: Api, events: list[dict[str, object]], knowing: bool) -> None:
    """Decides events by the release in force, and stores their decisions as the deliver job does."""
    release = api.in_force.release
    assert release is not None
    job = OneProcess()
    job.release(release.id, api.in_force.texts)
    if knowing:
        decoder = Decoder(release.schema)
        at_ms = 1_700_000_000_000
        lesson = [event(number, f"c{number % 40}", amount=10.0 + number % 7, at=at_ms + 20_000 * number) for number in range(4_000)]
        batch = Batch.of([decoder.decode(msgspec.json.encode(each), 1 << 50) for each in lesson], release.schema)
        learned = Replay(release, History(batch), None)
        learned.run(None)
        for snapshot in learned.published.values():
            job.control([("m", key, value) for key, value in parts_of(snapshot)])
    job.events([msgspec.json.encode(each) for each in events])
    api.deliver(value for _, value in job.out["D"])


@pytest.mark.slow
async def test_a_threshold_is_read_with_what_it_was_made_of_and_a_sentence(api: Api) -> None:
    decide(api, [event(1, amount=12.0), event(2, amount=900.0)], knowing=True)
    customer = str(event(1)["customer"])
    answer = await api.client.get(f"/v1/patterns/odd/thresholds/{customer}")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["pattern"], found["release"], found["key"]) == ("odd", 1, customer)
    [usual, pace] = found["thresholds"]
    assert (usual["name"], usual["key"], usual["event_id"], usual["value"]) == ("usual", "customer", "2", 900.0)
    assert usual["usual"] < usual["threshold"] < 900.0
    said = f"event.amount is 900; for this customer {usual['usual']:.6g} is usual, by about 1 events of its own"
    assert usual["said"] == f"{said}; 1 in 20 among all with such a history lies above {usual['threshold']:.6g}"
    assert pace["value"] == 2.0


async def test_one_threshold_is_read_by_its_name_and_before_any_snapshot_it_says_so(api: Api) -> None:
    decide(api, [event(1, amount=12.0)], knowing=False)
    answer = await api.client.get(f"/v1/patterns/odd/thresholds/{event(1)['customer']}", params={"threshold": "usual"})
    [usual] = answer.json()["thresholds"]
    assert usual["said"] == "event.amount is 12; too few events are known yet to say what is rare, so that there is no threshold"
    assert usual["weight"] == 0.0


async def test_an_entity_that_no_decision_compared_says_so(api: Api) -> None:
    [usual, _] = (await api.client.get("/v1/patterns/odd/thresholds/nobody")).json()["thresholds"]
    assert usual == {
        "name": "usual", "key": "customer", "rate": 0.05, "said": "none of the 0 newest decisions of customer nobody was compared with it",
    }  # fmt: skip


async def test_a_threshold_of_a_pair_is_read_by_the_ids_of_both(api: Api) -> None:
    decide(api, [event(1, amount=12.0, terminal="t1"), event(2, amount=900.0, terminal="t2")], knowing=False)
    path = f"/v1/patterns/there/thresholds/{event(1)['customer']}"
    answer = (await api.client.get(path, params={"second": "t1"})).json()
    [usual] = answer["thresholds"]
    assert (answer["second"], usual["key"], usual["event_id"], usual["value"]) == ("t1", "customer+terminal", "1", 12.0)
    [unknown] = (await api.client.get(path, params={"second": "t3"})).json()["thresholds"]
    assert unknown["said"].startswith(f"none of the 0 newest decisions of customer {event(1)['customer']} with terminal t3 ")
    [unsaid] = (await api.client.get(path)).json()["thresholds"]
    assert unsaid["said"] == "this is the threshold of a pair: give the id of its terminal as second"


@pytest.mark.parametrize("path", ["none/thresholds/c", "plain/thresholds/c?threshold=usual", "odd/thresholds/c?threshold=other"])
async def test_a_rule_or_threshold_that_is_not_there_is_not_found(api: Api, path: str) -> None:
    assert (await api.client.get(f"/v1/patterns/{path}")).status_code == 404
