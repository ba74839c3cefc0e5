"""Dead letters on a real broker, driven in again by the command."""

import msgspec
import pytest
from click.testing import CliRunner
from score_job_runs import TEXTS, Json, produce, records

from deploy.command import main
from deploy.local.releases import publish
from deploy.local.stack import settings_as_environment
from deploy.servers.topics import make_topics
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.score_job.dead_letter import dead_letter

LAX = TEXTS | {"schema": TEXTS["schema"].replace("retain: true", "retain: true, required: false")}


@pytest.fixture
def settings(broker: str, tmp_path) -> Settings:
    """A system in whose first release the amount was required, and in whose second it is not."""
    settings = Settings(bootstrap=broker, topic_prefix="redrive.", folder=str(tmp_path))
    make_topics(settings)
    publish(settings, TEXTS)
    publish(settings, LAX)
    return settings


def letter(event: Json) -> tuple[str, bytes]:
    refusal = Refusal("missing field", where="amount", expected="a number", got="nothing")
    return "0:1", dead_letter(refusal, msgspec.json.encode(event), 0, 1, 1_700_000_000_500)


def test_letters_that_a_mended_schema_accepts_are_events_again_and_a_dry_run_sends_nothing(settings: Settings) -> None:
    mended = [{"id": id, "at": 1_700_000_000_000 + id, "who": f"u{id % 7}"} for id in range(500)]
    produce(settings, "dead-letters", [letter(event) for event in mended] + [letter({"id": 1})])
    environment = settings_as_environment(settings)
    dry = CliRunner().invoke(main, ["redrive", "dead-letters", "--dry-run"], env=environment, catch_exceptions=False)
    assert dry.output.splitlines()[0] == "500 would be driven in again, 1 stay"
    assert records(settings, "events") == []
    done = CliRunner().invoke(main, ["redrive", "dead-letters", "--reason", "missing"], env=environment, catch_exceptions=False)
    assert done.output.splitlines()[:2] == ["500 driven in again, 1 stay", "      500  missing field"]
    sent = {message.value(): message.key() for message in records(settings, "events")}
    assert sent == {msgspec.json.encode(event): str(event["who"]).encode() for event in mended}
