"""In the user stage an event with the answers of its entities becomes a decision."""

import base64
import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from features.layout.layout import DUPLICATE, ID_REUSED, RETRACTED, TOO_FAR_BACK, TOO_LATE, TOO_OFTEN
from features.profiles.warm_kernels import compile_kernels
from features.schema.event import ADD
from features.schema.schema import Schema
from features.windows.row_label import CORRECTIONS_MAX
from foundation.refusal import Refusal
from patterns.entries import Change
from patterns.policy import ACTIONS
from pipeline.control.known_snapshots import KnownSnapshots
from pipeline.engine.decisions.answers import Answers, width_of
from pipeline.engine.decisions.decision import BYPASSED, RETRACTED_REASONS, Reply, decisions_of, fallback_flags, flag_names, reply_of
from pipeline.engine.decisions.explanation import reasons_again
from pipeline.engine.decisions.verdicts import REVISED, UNDECIDED, Verdicts
from pipeline.engine.definitions.release import Release
from pipeline.engine.isolation import FAULT_MET
from pipeline.engine.profile_store import BYTES_MAX
from pipeline.flink.state import BulkState, KeyedProfiles, ProfileRows
from pipeline.score_job.event_body import Arrivals, bodies_of, parts_without_schema
from pipeline.score_job.handed_on import Answered, Events, Frame
from pipeline.score_job.profile_stage import ProfileStage
from pipeline.score_job.read_anew import ReadAnew, read_anew
from pipeline.score_job.refused_frames import Raised, refused, refused_reply
from pipeline.score_job.rule_failures import RuleFailures
from pipeline.score_job.undoable import Outputs
from pipeline.wire.bundle import Bundle
from pipeline.wire.declaration import Tag
from pipeline.wire.frames import write_frames

log = logging.getLogger(__name__)

_encode = msgspec.json.Encoder().encode

EVENT_BODIES = "event-bodies"
"""A dead letter whose event could not be read names no topic."""


class EntryFeed(Protocol):
    """Gives the entries of lists, from wherever they are kept."""

    def start(self) -> None:
        """Returns once `take` gives all entries that there are; a second call does nothing."""
        ...

    def take(self) -> Sequence[Change]:
        """Returns the changes since the last call, in their order."""
        ...


class UserStage(ProfileStage[Events]):
    """Turns events into decisions, replies, late events and refusals of reused ids.

    Args:
        state: Flink's keyed state of the operator.
        clock: returns seconds since the epoch; it gives `processed_at` and nothing else.
        kept_ms: how long the state keeps what is not written; 0 means for ever.
        profiles_bytes_max: see `Scorer`.
        entries: gives the entries of lists; it is started with the first release that reads a list.
    """

    NAME = "user stage"

    def __init__(
        self,
        state: BulkState | ProfileRows,
        clock: Callable[[], float] = time.time,
        kept_ms: int = 0,
        profiles_bytes_max: int = BYTES_MAX,
        entries: EntryFeed | None = None,
    ) -> None:
        super().__init__(KeyedProfiles(state, True, kept_ms), profiles_bytes_max, KnownSnapshots())
        self._clock = clock
        self._entries = entries
        self._reads_lists = False
        self._failures = RuleFailures()

    def _release_of(self, bundle: Bundle | Events) -> Release | None:
        release = self.definitions.releases.nearest(bundle.release)
        if release is not None and release.id != bundle.release:
            log.error("release %d cannot be had: %d events are decided by %d, degraded", bundle.release, bundle.n, release.id)
        return release

    def _own(self, bundle: Bundle | Events, release: Release) -> Outputs:
        self._equip(release)
        self._put_awaited(bundle.positions, release)
        if self._reads_lists and self._entries is not None:
            self._scorer.lists.take(self._entries.take())
        return self._decide(bundle, release) if release.id == bundle.release else self._decide_anew(bundle, release)

    def _own_without_release(self, bundle: Bundle | Events) -> Outputs:
        return [*self._refused(read_anew(_unread(bundle), None), None)]

    def _encoded(self, outputs: Outputs) -> bytes:
        return write_frames([output for output in outputs if not isinstance(output, Answered)])

    def _refuse_own(self, bundle: Bundle | Events, release: Release, raised: Raised) -> Outputs:
        try:
            event = _arrivals_of(bundle, release)
            id, reply, value, at_ms = event.batch.ids[0], event.replies[0], event.value(0), int(event.arrived_ms[0])
        except Exception:  # it may be the reading that raises: then nobody can be answered, and the body is kept as it is
            return [raised.frame(bundle.body(), topic=EVENT_BODIES)]
        frames: Outputs = [raised.frame(value, at_ms=at_ms)]
        if reply:
            answer = Reply(id, 0, math.nan, release.policy.fallback.action, [FAULT_MET], fallback_flags(release), release.id)
            frames.append((Tag.REPLY, reply, _encode(answer)))
        return frames

    def _equip(self, release: Release) -> None:
        """Installs snapshots; if `release` reads lists, their entries are read before its first event is decided."""
        if release is not self._equipped:
            self._reads_lists = self._reads_lists or bool(release.lists_read)
            if self._reads_lists and self._entries is not None:
                self._entries.start()
        super()._equip(release)

    def _decide(self, bundle: Bundle | Events, release: Release) -> Outputs:
        arrivals = _arrivals_of(bundle, release)
        answers = bundle.answers(release) if isinstance(bundle, Events) else answers_of(bundle, release)
        return [*self._frames(self._scorer.decide(release, arrivals.batch, answers, bundle.positions), arrivals, bundle.missing)]

    def _decide_anew(self, bundle: Bundle | Events, release: Release) -> Outputs:
        """Decides events whose own release cannot be had by `release`, without their entities' answers, which fit the other alone."""
        anew = read_anew(_unread(bundle), release)
        frames = self._refused(anew, release)
        if anew.bodies:
            arrivals = bodies_of(release.schema).read([memoryview(body) for body in anew.bodies])
            n = len(anew.bodies)
            verdicts = self._scorer.decide(release, arrivals.batch, Answers.none(release, n))
            frames += self._frames(verdicts, arrivals, np.ones(n, np.uint8))
        return [*frames]

    def _refused(self, anew: ReadAnew, release: Release | None) -> list[Frame]:
        frames = []
        for refusal, value, reply, arrived_ms in anew.refused:
            frames.append(refused(refusal, value, at_ms=arrived_ms))
            if reply:
                frames.append(refused_reply(release, str(refusal), value, reply))
        return frames

    def _frames(self, verdicts: Verdicts, arrivals: Arrivals, missing: NDArray[np.uint8]) -> list[Frame]:
        frames: list[Frame] = []
        batch = arrivals.batch
        now_ms = self._clock() * 1000
        decisions = decisions_of(verdicts, batch, missing, arrivals.arrived_ms, now_ms)
        failures = self._failures.since_told(verdicts.release.rules, now_ms)
        decided = (~verdicts.are(UNDECIDED)).tolist()
        for row, (decision, user, reply) in enumerate(zip(decisions, batch.users, arrivals.replies, strict=True)):
            if not decided[row]:
                frames += self._undecided(verdicts, row, arrivals)
                continue
            if failures:
                decision.rule_failures, failures = failures, {}
            frames.append((Tag.DECISION, user, _encode(decision)))
            if reply:
                frames.append((Tag.REPLY, reply, _encode(reply_of(decision))))
        return frames

    def _undecided(self, verdicts: Verdicts, row: int, arrivals: Arrivals) -> list[Frame]:
        """Returns the frames for an event without a decision of its own: the newest answer again, or where the event went and why."""
        frames: list[Frame] = []
        flags = int(verdicts.flags[row])
        id, user = arrivals.batch.ids[row], arrivals.batch.users[row]
        if flags & DUPLICATE:
            reasons = self._reasons_again(verdicts, row)
        elif flags & TOO_LATE or (flags & TOO_FAR_BACK and arrivals.batch.ops[row] == ADD):
            reasons = [_reason_of_lateness(flags, verdicts.release.schema)]
            record = {
                "reason": reasons[0],
                "event_id": id,
                "user": user,
                "event_time": int(arrivals.batch.times_ms[row]),
                "value": base64.b64encode(arrivals.value(row)).decode(),
            }
            frames.append((Tag.LATE, user, _encode(record)))
        else:
            refusal = _refusal_of(flags, id, verdicts.release.schema)
            frames.append(refused(refusal, arrivals.value(row), at_ms=int(arrivals.arrived_ms[row])))
            reasons = [str(refusal)]
        if arrivals.replies[row]:
            frames.append((Tag.REPLY, arrivals.replies[row], _encode(self._reply_to(verdicts, row, id, reasons))))
        return frames

    def _reasons_again(self, verdicts: Verdicts, row: int) -> list[str]:
        if int(verdicts.flags[row]) & RETRACTED:
            return RETRACTED_REASONS
        newest = self.definitions.releases.get(int(verdicts.releases[row]))
        if newest is None:
            return []
        return reasons_again(newest, int(verdicts.chosen[row]), verdicts.reasons[row], verdicts.rules[row], int(verdicts.deciders[row]))

    def _reply_to(self, verdicts: Verdicts, row: int, id: str, reasons: list[str]) -> Reply:
        """A duplicate is answered with the newest decision, any other undecided event with the fallback."""
        flags = int(verdicts.flags[row])
        score, revision, release = float(verdicts.scores[row]), int(verdicts.revisions[row]), int(verdicts.releases[row])
        if not flags & DUPLICATE:
            return Reply(id, 0, score, verdicts.release.policy.fallback.action, reasons, fallback_flags(verdicts.release), release)
        decider = self.definitions.releases.get(release)
        bypassed = BYPASSED * (decider is not None and decider.bypass.on)
        said = flag_names(flags & (DUPLICATE | REVISED) | bypassed)
        return Reply(id, revision, score, ACTIONS[verdicts.actions[row]], reasons, said, release)


def _arrivals_of(bundle: Bundle | Events, release: Release) -> Arrivals:
    return bundle.arrivals if isinstance(bundle, Events) else bodies_of(release.schema).read(bundle.bodies)


def _unread(bundle: Bundle | Events) -> list[tuple[int, int, str, bytes]]:
    return bundle.unread() if isinstance(bundle, Events) else [parts_without_schema(body) for body in bundle.bodies]


def answers_of(bundle: Bundle, release: Release) -> Answers:
    """Returns the answers of the entities."""
    answers = Answers.none(release, bundle.n)
    if bundle.tail is None:
        return answers
    first = 0
    for kind in release.entity_kinds():
        end = first + width_of(release, kind)
        answers.put(release, kind, slice(None), bundle.tail[:, first:end])
        first = end
    return answers


def _reason_of_lateness(flags: int, schema: Schema) -> str:
    if flags & TOO_LATE:
        return f"too late: more than {schema.lateness_ms} ms before the user's newest event"
    return f"too far back: more than {schema.rewind_max} events of the user are of its time or later, or those of its time are gone"


def _refusal_of(flags: int, id: str, schema: Schema) -> Refusal:
    if flags & ID_REUSED:
        return Refusal("id_reused", where=id, expected="an id of its own for each event", got="another body under the same id")
    if flags & TOO_OFTEN:
        expected = f"at most {CORRECTIONS_MAX} corrections of one event, repeated ones included"
        return Refusal("corrected too often", where=id, expected=expected, got="one more", remedy="retract the event")
    if flags & TOO_FAR_BACK:
        expected = f"at most {schema.rewind_max} events of the user that are of its time or later (rewind_max of the schema)"
        return Refusal("event_too_far_back", where=id, expected=expected, got="a correction behind more of them")
    return Refusal(
        "event_unknown",
        where=id,
        expected="id, user, entities and time of an event that was decided, is within retention and is not retracted",
        got="a correction of another one",
        remedy="to change one of these, retract the event as it was sent and send it anew under a new id",
    )


def make_stage(state: BulkState, kept_ms: int = 0, profiles_bytes_max: int = BYTES_MAX, entries: EntryFeed | None = None) -> UserStage:
    """Makes the stage for the score job, with its kernels loaded, because the first event must not wait for them."""
    compile_kernels()
    stage = UserStage(state, kept_ms=kept_ms, profiles_bytes_max=profiles_bytes_max, entries=entries)
    stage.definitions.compile_beside(defer=True)
    return stage
