"""Stages of the score job with a fault planted in them, named to a job as ``tests.integration.planted_stages:...``.

They run inside the TaskManager, where nothing but the events can tell them what to do.
"""

import os
import pathlib
import time
from typing import Any

import msgspec

from features.schema.batch import Batch
from pipeline.engine.decisions.verdicts import Verdicts
from pipeline.engine.definitions.release import Release
from pipeline.flink.state import BulkState
from pipeline.score_job.entity import make_stage as make_entity_stage
from pipeline.score_job.user import UserStage
from pipeline.score_job.user import make_stage as make_user_stage
from pipeline.wire.bodies import read_keyed_body
from pipeline.wire.bundle import read_bundle
from pipeline.wire.declaration import ENTITY_SEPARATOR, Kind, Tag
from pipeline.wire.frames import read_frames, topic_frame

HELD_BY = "held-by:"
"""Before the path of a file in an entity's id: the entity stage stands still while the file is there."""
LOOK_SECONDS = 0.01


class Planted:
    """A stage that is asked another way; whatever a test does not change is the stage's own."""

    def __init__(self, stage: Any) -> None:
        self._stage = stage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stage, name)


class ProcessAsScore(Planted):
    """A user stage whose scores name the process that decided, so that a second decision differs from the first."""

    def process(self, data: bytes) -> bytes:
        frames = read_frames(self._stage.process(data))
        return b"".join(topic_frame(tag, key, self._stamped(value) if tag == Tag.DECISION else value) for tag, key, value in frames)

    def _stamped(self, value: bytes) -> bytes:
        return msgspec.json.encode(msgspec.json.decode(value) | {"score": os.getpid() / (1 << 22)})


class HeldUp(Planted):
    """An entity stage that stands still before a bundle as long as the file that one of its entities names is there."""

    def process(self, data: bytes) -> bytes:
        bundle = read_bundle(data)
        for body in bundle.bodies if bundle.kind == Kind.MESSAGES else []:
            _, _, id = read_keyed_body(body)[0].decode().partition(ENTITY_SEPARATOR)
            while id.startswith(HELD_BY) and pathlib.Path(id.removeprefix(HELD_BY)).exists():
                time.sleep(LOOK_SECONDS)
        return self._stage.process(data)


def process_as_score(state: BulkState, *bounds: int) -> ProcessAsScore:
    return ProcessAsScore(make_user_stage(state, *bounds))


def held_up(state: BulkState, *bounds: int) -> HeldUp:
    return HeldUp(make_entity_stage(state, *bounds))


RAISES_AT = 666.66
"""The amount of an event at which a planted user stage raises, after the user's profile has taken it in."""


def raising(state: BulkState, *bounds: int) -> UserStage:
    stage = make_user_stage(state, *bounds)
    decide = stage._scorer.decide

    def planted(release: Release, batch: Batch, *more: Any) -> Verdicts:
        verdicts = decide(release, batch, *more)
        if (batch.numbers / release.schema.scales == RAISES_AT).any():
            raise ZeroDivisionError("planted")
        return verdicts

    stage._scorer.decide = planted  # type: ignore[method-assign]
    return stage
