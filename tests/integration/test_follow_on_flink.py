"""What the score job decided while models learned, of labels too, and releases changed, decided again from what the archive has."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import delivery_runs
import msgspec
import pytest
from archive_runs import rows
from score_job_runs import START_MS, TEXTS, Json, cancel, ends, prepared, produce, produce_events, submitted, wait_for
from side_job_runs import Running

from deploy.local.releases import publish
from foundation.settings import Settings
from pipeline.follow.comparison import Followed
from pipeline.follow.follow_command import follow_recorded
from pipeline.learning.label_job import LabelJob
from pipeline.learning.learn_job import LearnJob
from pipeline.sinks.deliver_job import DeliverJob
from stores.archive.archive import Archive, open_archive
from stores.sqlite.sqlite_decisions import SqliteDecisions, SqliteDecisionsReader

MODELS = """
- {name: shape, kind: river, model: anomaly.HalfSpaceTrees, publish_every: 10m, inputs: [event.amount, feature.shop_count_1h],
   parameters: {window_size: 50, seed: 7}}
- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 3}}
- {name: fraud, kind: river, model: naive_bayes.GaussianNB, publish_every: 10m, inputs: [event.amount, feature.shop_count_1h]}
"""
FEATURES = "\n".join(line for line in TEXTS["features"].splitlines() if "label_rate" not in line)
ONE = TEXTS | {"features": FEATURES, "models": MODELS, "policy": TEXTS["policy"].replace("(shape", "(fraud, shape")}
OTHER = ONE | {"models": MODELS.replace("seed: 7", "seed: 8"), "policy": ONE["policy"].replace("below: 0.5", "below: 0.4")}
SNAPSHOTS_MIN = 3
AT_ONCE, SECONDS_MAX = 40, 150


@dataclass
class Run:
    """The system, how many events it was sent, and its decisions in their order."""

    settings: Settings
    archive: Archive
    sent: int = 0
    served: list[Json] = field(default_factory=list)

    def go_on(self, release: int, taught: int = 0) -> None:
        """Sends events, some late, and labels, until decisions of `release` name enough snapshots; then waits for the rest.

        Args:
            taught: how many of these have to be of the model that learns from labels.
        """
        deadline = time.monotonic() + SECONDS_MAX
        sending = payments(self.sent)
        while len(self.named("shape", release)) < SNAPSHOTS_MIN or len(self.named("fraud", release)) < taught:
            assert time.monotonic() < deadline, f"{self.sent} events, {len(self.served)} decisions, waiting for snapshots of {release}"
            events = [next(sending) for _ in range(AT_ONCE)]
            produce_events(self.settings, events)
            produce(self.settings, "labels", [(str(event["who"]), label_of(event)) for event in events[::2]])
            self.sent += AT_ONCE
            time.sleep(0.1)
            self.read()
        wait_for(lambda: sum(ends(self.settings, "decisions")) >= self.sent, SECONDS_MAX, "events that are not decided")
        self.read()

    def named(self, model: str, release: int) -> set[int]:
        """The snapshots of a model that decisions of a release name."""
        return {each["models"][model]["snapshot"] for each in self.served if each["release"] == release} - {None}

    def read(self) -> None:
        """Takes over the decisions that the archive has by now."""
        tables = list(self.archive.read("decisions", columns=("offset", "value")))
        found = sorted((offset, value) for table in tables for offset, value in zip(*table.to_pydict().values(), strict=True))
        self.served = [msgspec.json.decode(value) for _, value in found]


def payments(first: int) -> Iterator[Json]:
    """Without end, ten seconds apart; each seventh is some minutes late."""
    draw = random.Random(first)
    id = first
    while True:
        id += 1
        at = START_MS + 10_000 * id - (draw.randrange(400_000) if id % 7 == 0 else 0)
        yield {
            "id": id,
            "at": at,
            "who": f"u{draw.randrange(40)}",
            "shop": f"s{draw.randrange(9)}",
            "amount": draw.randrange(1, 9_999) / 100,
        }


def label_of(event: Json) -> bytes:
    """Large amounts are fraud; known a minute after the event."""
    return msgspec.json.encode({"event_id": str(event["id"]), "label": int(event["amount"] > 70.0), "label_time": event["at"] + 60_000})


@pytest.fixture(scope="module")
def run(broker: str, flink, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A system with one partition, so that the order in which entities see events is recorded; a release changes and is put back."""
    flink.scale(2)
    folder = tmp_path_factory.mktemp("followed")
    chosen = {"parallelism": 1, "partitions": 1, "archive_interval_ms": 1_000, "archive_url": (folder / "archive").as_uri()}
    chosen["entity_wait_ms"] = 10_000  # on a busy machine too few events are degraded to matter
    settings = prepared(broker, flink, folder, "followed.", ONE, **chosen)
    run = Run(settings, open_archive(settings.archive_place()))
    jobs = [submitted(flink, settings), delivery_runs.submitted(flink, settings, "archive")]
    store = settings.path("decisions.db")
    with (
        Running(DeliverJob(settings, SqliteDecisions(store))),
        Running(LabelJob(settings, SqliteDecisionsReader(store))),
        Running(LearnJob(settings, publish_seconds_min=0.5)),
    ):
        run.go_on(1)
        assert publish(settings, OTHER) == 2
        run.go_on(2)
        assert publish(settings, ONE) == 3
        run.go_on(3, taught=2)
    for kind in ("events", "decisions"):
        wait_for(lambda kind=kind: rows(run.archive, kind) >= run.sent, 60, f"{kind} that are not in the archive")
    wait_for(lambda: rows(run.archive, "models") >= sum(ends(settings, "models")), 60, "models that are not in the archive")
    run.read()
    for job in jobs:
        cancel(flink, job)
    return run


@pytest.fixture(scope="module")
def followed(run: Run) -> Followed:
    return follow_recorded(run.settings, "archive")


def test_every_decision_is_made_again_bit_for_bit(run: Run, followed: Followed) -> None:
    assert followed.differences[:3] == []
    assert followed.is_same
    assert followed.equal + followed.degraded == len(run.served) == run.sent
    assert followed.equal > 0.5 * run.sent


def test_snapshots_and_releases_changed_while_it_decided(run: Run) -> None:
    assert [release for release in (1, 2, 3) if any(decision["release"] == release for decision in run.served)] == [1, 2, 3]
    assert any("late" in decision["flags"] for decision in run.served)
    assert len({(each["release"], each["models"]["shape"]["snapshot"]) for each in run.served}) > 3 * SNAPSHOTS_MIN


def test_what_labels_taught_decided(run: Run) -> None:
    """River runs this model, which is rebuilt beside the stream; `shape` decides before it has learned anything."""
    by_labels = [each for each in run.served if each["models"]["fraud"]["score"] is not None]
    assert len({each["models"]["fraud"]["snapshot"] for each in by_labels}) >= 2
    assert all(each["score"] == each["models"]["fraud"]["score"] for each in by_labels)


def test_a_release_that_is_put_back_scores_at_once(run: Run) -> None:
    of = {release: [each["models"]["shape"]["snapshot"] for each in run.served if each["release"] == release] for release in (2, 3)}
    assert of[2][0] is None
    assert of[3][0] is not None


def test_a_planted_difference_is_found(run: Run, tmp_path) -> None:
    served = [dict(decision) for decision in run.served]
    place = next(place for place, decision in enumerate(served) if "degraded" not in decision["flags"])
    served[place] |= {"action": "unheard-of"}
    (tmp_path / "decisions.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, served)))
    found = follow_recorded(run.settings, str(tmp_path / "decisions.jsonl"))
    assert [(each.event_id, each.field, each.served) for each in found.differences] == [(served[place]["event_id"], "action", "unheard-of")]
