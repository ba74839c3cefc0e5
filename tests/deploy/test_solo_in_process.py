"""A whole solo system in the process of a test: what callers see, and what the side jobs make of it."""

import itertools
import pathlib
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest

from deploy.local.solo_in_process import SoloInProcess
from pipeline.log.log_folder import INPUT, LOGS, segments_of
from pipeline.sinks.archive_access import archive_of

pytestmark = pytest.mark.slow

CONFIG = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: customer\nentities: [terminal]\n"
    "fields:\n  amount: {type: decimal, retain: true}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n- {name: risk, template: label_rate, entity: terminal, window: 1d}\n",
    "models": "- {name: shape, kind: river, model: anomaly.HalfSpaceTrees, inputs: [event.amount, feature.count_1h], publish_every: 1h,\n"
    "   parameters: {window_size: 20, seed: 7}}\n",
    "policy": "score: first_ready(shape)\nbands: [{below: 0.5, action: approve}, {action: review}]\nfallback: {action: review}\n",
}
HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("configuration")
    for part, text in CONFIG.items():
        (folder / f"{part}.yaml").write_text(text)
    return folder


@pytest.fixture(scope="module")
def system(config: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoloInProcess]:
    with SoloInProcess(config, tmp_path_factory.mktemp("system")) as running:
        yield running


def event(id: int, at_ms: int, **more: object) -> dict[str, object]:
    return {"id": id, "at": at_ms, "customer": f"c{id % 5}", "terminal": f"t{id % 3}", "amount": 10.5 + id % 7} | more


def until(condition: Callable[[], object]) -> object:
    deadline = time.monotonic() + 60
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def test_decisions_are_made_stored_counted_and_archived_and_models_learn(system: SoloInProcess) -> None:
    now_ms = int(time.time() * 1000)
    for id in range(60):  # four hours, at whose ends the model is published
        answer = system.client.decide(event(id, now_ms - 4 * HOUR_MS + id * 240_000), 10_000)
        assert (answer.event_id, answer.revision, "degraded" in answer.flags) == (str(id), 0, False)
    stored = until(lambda: system.client.decision(59))
    assert stored["user"] == "c4"
    assert stored["features"]["count_1h"] == 3
    segments = segments_of(system.settings.path(*LOGS), INPUT)
    until(lambda: segments.last("models") >= 0)
    ids = itertools.count(60)
    until(lambda: system.client.decide(event(next(ids), now_ms), 10_000).score is not None)  # a snapshot that has learned enough
    sent = next(ids)
    system.client.send(event(sent, now_ms))
    assert until(lambda: system.client.decision(sent))["score"] is not None
    until(lambda: counted(system) == sent + 1)
    until(lambda: archived(system, "decisions") == list(range(sent + 1)))
    assert archived(system, "events") == list(range(sent + 1))


def counted(system: SoloInProcess) -> int:
    found = system.client._answer(
        "GET", "/v1/metrics/query", params={"metric": "decisions", "from": (int(time.time()) // 60 - 360) * 60_000}
    ).json()
    return int(sum(group["count"] for group in found["groups"]))


def archived(system: SoloInProcess, kind: str) -> list[int]:

    tables = list(archive_of(system.settings).read(kind))
    values = [value for table in tables for value in table["value"].to_pylist()]
    return sorted(int(each.get("event_id", each.get("id"))) for each in map(msgspec.json.decode, values))


def test_a_label_reaches_the_profiles_of_the_entities_of_its_event(system: SoloInProcess) -> None:
    now_ms = int(time.time() * 1000)
    system.client.decide(event(10_000, now_ms - 1_000, terminal="labelled"), 10_000)
    until(lambda: system.client.decision(10_000))
    system.client.label(10_000, 1)
    segments = segments_of(system.settings.path(*LOGS), INPUT)
    until(lambda: segments.last("labels-resolved") >= 0)
    system.client.decide(event(10_001, int(time.time() * 1000) + 100, terminal="labelled"), 10_000)
    assert until(lambda: system.client.decision(10_001))["features"]["risk"] == 0.5


def test_a_definition_and_a_list_change_while_it_runs(system: SoloInProcess) -> None:
    now_ms = int(time.time() * 1000)
    assert system.client.decide(event(20_000, now_ms), 10_000).release == 1
    released = system.client.put({"policy": CONFIG["policy"].replace("0.5", "0.6")})
    assert system.client.decide(event(20_001, now_ms), 10_000).release == released.release == 2
    assert system.client.put_list("friends", ["c1", "c2"]).added == 2


def test_a_system_that_was_stopped_goes_on_where_it_was(config: pathlib.Path, tmp_path: pathlib.Path) -> None:
    now_ms = int(time.time() * 1000)
    with SoloInProcess(config, tmp_path, side_jobs=False) as running:
        for id in range(3):
            running.client.decide(event(id, now_ms, customer="c1"), 10_000)
    with SoloInProcess(config, tmp_path) as running:
        assert running.client.decide(event(2, now_ms, customer="c1"), 10_000).flags == ["duplicate"]
        running.client.decide(event(3, now_ms, customer="c1"), 10_000)
        assert until(lambda: running.client.decision(3))["features"]["count_1h"] == 4
        assert until(lambda: running.client.decision(0)), "the deliver job reads what was decided before it ran"
