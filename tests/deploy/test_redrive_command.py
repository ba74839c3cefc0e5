"""Dead letters on the log of a system without a broker, driven in again by the command."""

import pathlib
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import pytest
from click.testing import CliRunner

from deploy.command import main
from deploy.local.releases import publish
from deploy.local.stack import settings_as_environment
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.control.kafka import Outbox, producer_of
from pipeline.control.topic_values import values_of
from pipeline.jobs.redrive_kind import RedriveParameters, run
from pipeline.log.log_folder import INPUT, LOGS, close_writers, segments_of
from pipeline.log.reader import LogReader
from pipeline.score_job.dead_letter import dead_letter

TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\nfields: {amount: {type: decimal, retain: true}}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n",
    "policy": "score: first_ready(own)\nbands: [{below: 0.5, action: approve}, {action: review}]\nfallback: {action: review}\n",
}
LAX = TEXTS | {"schema": TEXTS["schema"].replace("retain: true", "retain: true, required: false")}


class Work(NamedTuple):
    """The surroundings of a job, which remember its progress."""

    settings: Settings
    folder: pathlib.Path
    said: list[tuple[int, int]]

    def progress(self, done: int, total: int) -> None:
        self.said.append((done, total))


@pytest.fixture
def settings(tmp_path: pathlib.Path) -> Iterator[Settings]:
    """A system in whose first release the amount was required, and in whose second it is not."""
    settings = Settings(runtime="solo", folder=str(tmp_path))
    publish(settings, TEXTS)
    publish(settings, LAX)
    yield settings
    close_writers(settings.path(*LOGS))


def letter(event: dict[str, object]) -> bytes:
    refusal = Refusal("missing field", where="amount", expected="a number", got="nothing")
    return dead_letter(refusal, msgspec.json.encode(event), 0, 1, 1_700_000_000_500)


def test_letters_that_a_mended_schema_accepts_are_events_again_and_a_dry_run_sends_nothing(settings: Settings) -> None:
    mended = [{"id": id, "at": 1_700_000_000_000 + id, "who": f"u{id % 7}"} for id in range(500)]
    outbox = Outbox(producer_of(settings))
    for event in [*mended, {"id": 1}]:
        outbox.send(settings.topic("dead-letters"), b"0:1", letter(event))
    outbox.flush()
    environment = settings_as_environment(settings)
    dry = CliRunner().invoke(main, ["redrive", "dead-letters", "--dry-run"], env=environment, catch_exceptions=False)
    assert dry.output.splitlines()[0] == "500 would be driven in again, 1 stay"
    assert list(values_of(settings, "events")) == []
    done = CliRunner().invoke(main, ["redrive", "dead-letters", "--reason", "missing"], env=environment, catch_exceptions=False)
    assert done.output.splitlines()[:2] == ["500 driven in again, 1 stay", "      500  missing field"]
    sent = {record.value: record.key for record in LogReader(segments_of(settings.path(*LOGS), INPUT), ["events"]).read(1_000)}
    assert sent == {msgspec.json.encode(event): str(event["who"]).encode() for event in mended}


def test_the_job_counts_by_reason_and_then_sends_only_what_was_asked_for(settings: Settings, tmp_path: pathlib.Path) -> None:
    outbox = Outbox(producer_of(settings))
    for event in [{"id": 3, "at": 1_700_000_000_000, "who": "u"}, {"id": 1}]:
        outbox.send(settings.topic("dead-letters"), b"0:1", letter(event))
    outbox.flush()
    dry = run(RedriveParameters(dry_run=True), Work(settings, tmp_path, [])).found
    assert dry == {"sent": {"missing field": 1}, "left": {"still refused: missing field": 1}}
    assert list(values_of(settings, "events")) == []
    assert run(RedriveParameters(reason="another"), Work(settings, tmp_path, [])).found["sent"] == {}
    work = Work(settings, tmp_path, [])
    assert run(RedriveParameters(reason="missing"), work).found == dry
    assert [value for values in values_of(settings, "events") for value in values] == [b'{"id":3,"at":1700000000000,"who":"u"}']
    done, total = work.said[-1]
    assert done == total > 0
