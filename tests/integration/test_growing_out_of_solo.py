"""A system of `weir serve` is carried over to `weir up` as docs/growing-out-of-solo.md says: its decisions come out as they were."""

import os
import pathlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import msgspec
import pytest
import weir_up
from score_job_runs import Json, decided, wait_for
from score_job_runs import decisions as decisions_in_kafka
from servers_of_a_test import UNHURRIED_MS
from solo_folder import records_of
from weir_up import WeirUp

from api.auth.token import read_token
from api.client.client import Client
from deploy.local.stack import free_settings, settings_as_environment
from deploy.machine.ports import free_ports
from deploy.machine.processes import Process
from foundation.settings import Settings
from pipeline.follow.comparison import differences_between
from pipeline.log.log_folder import INPUT, OUTPUT

pytestmark = [pytest.mark.integration, pytest.mark.system, pytest.mark.long]

EVENTS, STEP_MS = 1_500, 4_000
CONFIG = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\nentities: [shop]\nlateness: 10m\n"
    "fields: {amount: {type: decimal, scale: 2, retain: true}}\nfacts: {who: {limit: number}}\nlabels: {negative_after: 7d}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n- {name: mean_1d, template: mean, value: event.amount, window: 1d}\n"
    "- {name: shop_count_1h, template: count, entity: shop, window: 1h}\n"
    "- {name: shop_risk, template: label_rate, entity: shop, window: {length: 1d, delay: 1s}}\n"
    "- {name: over, expression: 'event.amount - entity.who.limit'}\n- {name: watched, expression: 'event.shop in list.watched'}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: who, inputs: [event.amount], "
    "parameters: {grace_period: 3}}\n",
    "policy": "score: first_ready(own)\nbands: [{below: 0.5, action: approve}, {below: 0.9, action: review}, {action: block}]\n"
    "fallback: {action: review}\n",
}
weir_up.START_SECONDS_MAX = 900.0
CALL_SECONDS_MAX = 120.0
TRIES_MAX = 10
UP = b"Ctrl-C stops everything"


def event(id: int, at_ms: int) -> Json:
    return {"id": id, "at": at_ms, "who": f"u{id * 7 % 40}", "shop": f"s{id * 3 % 11}", "amount": id * 37 % 5_000 / 100 + 1}


def until(condition: Callable[[], object]) -> None:
    wait_for(lambda: bool(condition()), 120, "what is waited for")


@pytest.fixture
def config(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "config"
    (folder / "lists").mkdir(parents=True)
    for part, text in CONFIG.items():
        (folder / f"{part}.yaml").write_text(text)
    (folder / "lists" / "watched.txt").write_text("s3\ns7\n")
    return folder


def weir(environment: dict[str, str], *arguments: str) -> str:
    """What a command says that succeeds; it is given again while a busy machine starts no broker in time."""
    command = [sys.executable, "-m", "deploy.command", *arguments]
    for _ in range(TRIES_MAX):
        run = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
        if "is not ready in time" not in run.stderr:
            break
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def served(config: pathlib.Path, folder: pathlib.Path) -> tuple[Process, Settings, bytes]:
    """A running `weir serve`, and where it is reached."""
    [port] = free_ports(1)
    settings = Settings(runtime="solo", folder=str(folder), api_port=port)
    command = [sys.executable, "-m", "deploy.command", "serve", "--config", str(config), "--folder", str(folder)]
    process = Process(
        "serve", command, os.environ | {"WEIR_API_PORT": str(port), "PYTHONUNBUFFERED": "1"}, folder.parent, pathlib.Path.cwd()
    )
    process.wait_until(lambda: UP in process.log.read_bytes(), 600, "a system that is up")
    return process, settings, process.log.read_bytes()


def client_of(settings: Settings) -> Client:
    return Client(f"http://{settings.api_address()}", read_token(settings), CALL_SECONDS_MAX)


def live(settings: Settings, begun_ms: int) -> None:
    """Sends events in their order, and some labels, each of which reaches the profiles before the next events come."""
    with client_of(settings) as client:
        for user in range(40):
            client.tell("who", f"u{user}", "limit", user, begun_ms - 1)
        events = [event(id, begun_ms + id * STEP_MS) for id in range(EVENTS)]
        for first in range(0, EVENTS, 300):
            client.send_many(events[first : first + 300])
            until(lambda first=first: decisions_of(settings, first + 300))
            labelled = events[first + 5 : first + 300 : 30]
            until(lambda labelled=labelled: client.decision(labelled[-1]["id"]) is not None)
            known_ms = begun_ms + (first + 299) * STEP_MS + 1
            client.label_many([{"event_id": each["id"], "label": each["id"] % 2, "label_time": known_ms} for each in labelled])
            until(lambda first=first: labels_of(settings) == 10 * (first // 300 + 1))


def labels_of(settings: Settings) -> int:
    """How many labels have reached the engine."""
    values = [msgspec.json.decode(record.value or b"") for record in records_of(settings, INPUT) if record.topic == "labels-resolved"]
    return len({value["event_id"] for value in values})


def decisions_of(settings: Settings, count: int) -> Sequence[Json]:
    """The decisions of a solo system; none while there are fewer than `count`."""
    found = [msgspec.json.decode(record.value or b"") for record in records_of(settings, OUTPUT) if record.topic == "decisions"]
    return found if len(found) >= count else []


def test_a_system_grows_out_of_solo_with_its_decisions_its_token_and_its_windows(config: pathlib.Path, tmp_path: pathlib.Path) -> None:
    begun_ms = int(time.time() * 1000) - 2 * EVENTS * STEP_MS
    process, solo, _ = served(config, tmp_path / "solo")
    try:
        live(solo, begun_ms)
        grown = free_settings(tmp_path / "grown", entity_wait_ms=UNHURRIED_MS, parallelism=1)
        grown.path().mkdir(mode=0o700)
        for file in (*solo.path().glob("weir.db*"), solo.path("token")):
            shutil.copy2(file, grown.path())
        environment = settings_as_environment(grown)
        environment.pop("WEIR_RUNTIME", None)
        said = weir(environment, "redrive", "--from-log", solo.folder)
        assert f"{EVENTS:>9,}  events" in said
        last = event(EVENTS, begun_ms + EVENTS * STEP_MS)
        with client_of(solo) as client:
            client.decide(last, 10_000)
    finally:
        process.stop(60)
    assert "1 records written" in weir(environment, "redrive", "--from-log", solo.folder)
    before = {each["event_id"]: each for each in decisions_of(solo, EVENTS + 1)}
    up = WeirUp(grown, config)
    up.start()
    try:
        wait_for(lambda: decided(grown) >= len(before), 300, "events of the history that are not decided")
        after = {each["event_id"]: each for each in decisions_in_kafka(grown, len(before))}
        assert after.keys() == before.keys()
        assert [id for id in before if differences_between(msgspec.json.encode(before[id]), msgspec.json.encode(after[id]))] == []
        assert {each["features"]["watched"] for each in after.values()} == {0, 1}
        assert any(each["features"]["shop_risk"] for each in after.values())
        with client_of(grown) as client:
            wait_for(lambda: client.decision(0) is not None, 120, "the store of the grown system")
            again = client.decide(last, 10_000)
            assert again.flags == ["duplicate"]
            new = event(EVENTS + 1, begun_ms + (EVENTS + 1) * STEP_MS)
            made = client.decide(new, 10_000)
            assert (made.release, "degraded" in made.flags) == (before["0"]["release"], False)
            since_ms = int(str(new["at"])) - 3_600_000
            alike = [id for id in range(EVENTS + 2) if begun_ms + id * STEP_MS > since_ms and event(id, 0)["who"] == new["who"]]
            wait_for(lambda: client.decision(EVENTS + 1) is not None, 120, "the decision on a new event")
            assert client.decision(EVENTS + 1)["features"]["count_1h"] == len(alike)
    finally:
        up.stop()
