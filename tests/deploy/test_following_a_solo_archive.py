"""`weir replay --follow` decides what the archive of a solo system holds again: all that was in force, in the order of its log."""

import pathlib
import random
import time
from collections.abc import Callable

import msgspec
import pytest
from click.testing import CliRunner, Result
from solo_folder import archived_offsets, offsets_of

from deploy.command import main
from deploy.local.solo_in_process import SoloInProcess
from foundation.settings import Settings
from pipeline.log.log_folder import INPUT, LOGS, OUTPUT, segments_of
from pipeline.log.reader import LogReader
from stores.archive.archive_rows import KINDS

pytestmark = pytest.mark.slow

CONFIG = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: customer\nentities: [terminal]\nlateness: 10m\n"
    "fields:\n  amount: {type: decimal, retain: true}\nfacts: {customer: {limit: number}}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n- {name: risk, template: label_rate, entity: terminal, window: 1d}\n"
    "- {name: terminal_count_1h, template: count, entity: terminal, window: 1h}\n"
    "- {name: watched, expression: 'event.terminal in list.watched'}\n- {name: over, expression: 'event.amount - entity.customer.limit'}\n",
    "models": "- {name: shape, kind: river, model: anomaly.HalfSpaceTrees, inputs: [event.amount, feature.count_1h], publish_every: 1m,\n"
    "   parameters: {window_size: 20, seed: 7}}\n",
    "policy": "score: first_ready(shape)\nbands: [{below: 0.5, action: approve}, {action: review}]\nfallback: {action: review}\n",
}
ROUNDS, EVENTS_OF_A_ROUND = 4, 30


def until(condition: Callable[[], object], every_seconds: float = 0.05) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(every_seconds)


def follow(system: SoloInProcess, *arguments: str) -> Result:
    environment = {"WEIR_RUNTIME": "solo", "WEIR_FOLDER": system.settings.folder}
    return CliRunner().invoke(main, ["replay", "--follow", *arguments], env=environment)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory):
    """One in which everything changed that can, and whose archive has all of it."""
    config = tmp_path_factory.mktemp("configuration")
    for part, text in CONFIG.items():
        (config / f"{part}.yaml").write_text(text)
    (config / "lists").mkdir()
    (config / "lists" / "watched.txt").write_text("t1\n")
    with SoloInProcess(config, tmp_path_factory.mktemp("system"), archive_interval_ms=500) as running:
        live(running)
        until(lambda: lacking(running.settings) == [], 0.5)  # each look reads all of the archive
        yield running


def lacking(settings: Settings) -> list[str]:
    """The kinds of which the archive does not have each record once."""
    return [kind for kind in KINDS if archived_offsets(settings, kind) != offsets_of(settings, kind)]


def live(system: SoloInProcess) -> None:
    draw, client = random.Random(3), system.client
    begun_ms = int(time.time() * 1000)
    segments = segments_of(system.settings.path(*LOGS), INPUT)
    for number in range(ROUNDS * EVENTS_OF_A_ROUND):
        at_ms = begun_ms - 3_600_000 + number * 20_000 - draw.choice([0, 0, 300_000, 900_000])
        event = {"id": number, "at": at_ms, "customer": f"c{number % 5}", "terminal": f"t{draw.randrange(3)}", "amount": number % 17 + 0.5}
        client.decide(event, 10_000)
        if draw.random() < 0.2:
            client.decide(event | {"op": draw.choice(["correct", "retract"]), "amount": 99.5}, 10_000)
        if draw.random() < 0.3:
            client.label(number, number % 2)
        if number % EVENTS_OF_A_ROUND == EVENTS_OF_A_ROUND - 1:
            client.put({"policy": CONFIG["policy"].replace("0.5", f"0.{5 + number % 4}")})
            client.edit_list("watched", [f"t{number % 3}"], [f"t{(number + 1) % 3}"], "a test")
            client.tell("customer", f"c{number % 5}", "limit", number, begun_ms - 3_600_000)
    until(lambda: segments.last("models") >= 0 and segments.last("labels-resolved") >= 0)
    client.decide({"id": 10**6, "at": int(time.time() * 1000), "customer": "c1", "terminal": "t1", "amount": 5.0}, 10_000)


def test_all_decisions_come_out_as_they_were(system: SoloInProcess) -> None:
    result = follow(system, "archive")
    assert result.exit_code == 0, result.output
    decided = len(offsets_of(system.settings, "decisions"))
    assert f"decisions   {decided:,}  the same {decided:,}  others 0" in result.output
    assert decided > 100


def test_a_decision_that_was_another_one_is_found(system: SoloInProcess, tmp_path: pathlib.Path) -> None:
    segments = segments_of(system.settings.path(*LOGS), OUTPUT)
    decisions = [record.value or b"" for record in LogReader(segments, ["decisions"]).read(10_000)]
    planted = msgspec.json.decode(decisions[7])
    planted["features"]["count_1h"] = 77.0
    decisions[7] = msgspec.json.encode(planted)
    (tmp_path / "decisions.jsonl").write_bytes(b"\n".join(decisions))
    result = follow(system, str(tmp_path / "decisions.jsonl"))
    assert result.exit_code == 1
    assert "others 1" in result.output
    assert "features.count_1h was 77.0" in result.output
