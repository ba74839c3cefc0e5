"""A program that kills the engine of a solo system and its side jobs again and again: ``killed_engine.py FOLDER KILLS SEED``.

Each life is a fork of this process, which has loaded everything and runs no thread, so that a life begins within milliseconds. A life
begins where the last one was killed, and notes what was acknowledged, and what was answered, in files that its end does not touch. After
the last kill one more life takes nothing new, and goes on until the standard input ends.
"""

import functools
import os
import pathlib
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence

import msgspec

from foundation.settings import Settings
from patterns.entries import Change
from patterns.entries import Entry as ListEntry
from patterns.lists import DECLARATION
from pipeline.log.frame import Entry
from pipeline.log.writer import LogWriter
from pipeline.score_job.facts import fact_key
from pipeline.solo import checkpoints, engine
from pipeline.solo.engine import Engine
from pipeline.solo.intake import IntakeFullError
from pipeline.solo.side_jobs import SideJobs
from pipeline.trial.one_process import OneProcess
from pipeline.wire.declaration import REPLY_HEADER

TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\nentities: [shop, device]\n"
    "fields: {amount: {type: decimal, scale: 2, retain: true}}\nlateness: 10m\nfacts: {who: {limit: number}}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n- {name: mean_1d, template: mean, value: event.amount, window: 1d}\n"
    "- {name: shop_count_1h, template: count, entity: shop, window: 1h}\n"
    "- {name: devices, template: distinct, value: event.device, entity: shop, window: 1h}\n"
    "- {name: shop_risk, template: label_rate, entity: shop, window: {length: 1d, delay: 1s}}\n"
    "- {name: watched, expression: 'event.device in list.watched'}\n"
    "- {name: over, expression: 'event.amount - entity.who.limit'}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], "
    "parameters: {grace_period: 3}}\n"
    "- {name: shape, kind: river, model: anomaly.HalfSpaceTrees, scope: global, publish_every: 5s, inputs: [event.amount], "
    "parameters: {window_size: 50, seed: 7}}\n",
    "policy": "score: first_ready(shape, own)\nbands: [{below: 0.5, action: approve}, {below: 0.9, action: review}, {action: block}]\n"
    "fallback: {action: review}\n",
    "list:watched": DECLARATION,
}
STRICTER = TEXTS["policy"].replace("0.5", "0.4")
ACKNOWLEDGED, ANSWERED = "acknowledged.jsonl", "answered.jsonl"
KINDS = {"add": 70, "label": 10, "correct": 6, "repeat": 4, "retract": 2, "entry": 3, "fact": 3, "nothing": 2, "too late": 2}
EVENTS_OF_A_LIFE = 1_000_000
STEP_MS = 400

Json = dict[str, object]


class Notes:
    """A file of lines, each of which is written whole, and outlives the process."""

    def __init__(self, path: pathlib.Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def add(self, *notes: object) -> None:
        os.write(self._file, b"".join(msgspec.json.encode(note) + b"\n" for note in notes))


class Caller:
    """Makes what callers send in one life, from a seed."""

    def __init__(self, life: int, seed: int) -> None:
        self._draw = random.Random(f"{seed} {life}")
        self._life = life
        self._made: list[Json] = []
        self._releases = 2 * life + 1
        self._at_ms = int(time.time() * 1000)

    def batch(self) -> list[tuple[str, Json, Entry]]:
        """Some records that are appended together: what each is, what it is about, and the record."""
        if self._draw.random() < 0.02:
            return self._release()
        return [self._record() for _ in range(self._draw.choice([1, 1, 2, 5, 40]))]

    def _release(self) -> list[tuple[str, Json, Entry]]:
        self._releases += 1
        texts = TEXTS | ({"policy": STRICTER} if self._draw.random() < 0.5 else {})
        if self._releases > 2 * self._life + 3:  # each life has two numbers
            return [self._record()]
        records = OneProcess.records_of(self._releases, texts)
        return [("release", {"id": self._releases}, Entry("control", key.encode(), value)) for _, key, value in records]

    def _record(self) -> tuple[str, Json, Entry]:
        kind = self._draw.choices(list(KINDS), list(KINDS.values()))[0] if self._made else "add"
        event = self._new() if kind == "add" else self._draw.choice(self._made[-60:]) if self._made else self._new()
        user = str(event["who"]).encode()
        if kind == "add":
            self._made.append(event)
            name = f"api/{event['id']}".encode()
            return (
                kind,
                event,
                Entry("events", user, msgspec.json.encode(event), [(REPLY_HEADER, name)] if self._draw.random() < 0.6 else ()),
            )
        if kind == "label":
            label = {"event_id": event["id"], "user": event["who"], "label": self._draw.randrange(2), "label_time": int(event["at"]) + 1}
            return kind, event, Entry("labels", str(event["id"]).encode(), msgspec.json.encode(label))
        if kind == "entry":
            device = f"d{self._draw.randrange(5)}"
            key, value = Change("watched", device, ListEntry("watched", device) if self._draw.random() < 0.5 else None).record()
            return kind, event, Entry("entries", key.encode(), value)
        if kind == "fact":
            fact = {"kind": "who", "entity": event["who"], "name": "limit", "since": self._at_ms, "value": self._draw.randrange(99)}
            return kind, event, Entry("facts", fact_key("who", str(event["who"]), "limit"), msgspec.json.encode(fact))
        if kind == "nothing":
            return kind, event, Entry("events", user, b'{"id": 1, "no event"')
        if kind == "too late":
            late = event | {"id": -int(str(event["id"])) - 1, "at": self._at_ms - 3_000_000}
            return kind, event, Entry("events", user, msgspec.json.encode(late))
        changed = event if kind == "repeat" else event | {"op": kind, "amount": self._amount()}
        return kind, event, Entry("events", user, msgspec.json.encode(changed))

    def _new(self) -> Json:
        self._at_ms += self._draw.randrange(STEP_MS)
        late_ms = self._draw.randrange(400_000) if self._draw.random() < 0.08 else 0
        event: Json = {"id": self._life * EVENTS_OF_A_LIFE + len(self._made), "at": self._at_ms - late_ms, "amount": self._amount()}
        shop = f"s{self._draw.randrange(6)}" if self._draw.random() < 0.9 else None
        return event | {"who": f"u{self._draw.randrange(25)}", "shop": shop, "device": f"d{self._draw.randrange(5)}"}

    def _amount(self) -> float:
        return self._draw.randrange(1, 9_999) / 100


def live(settings: Settings, life: int, seed: int) -> None:
    """Runs the engine and sends it records until somebody kills this process; with a life of -1 it sends none."""
    acknowledged, answered = Notes(settings.path(ACKNOWLEDGED)), Notes(settings.path(ANSWERED))

    def answer(replies: Sequence[tuple[str, bytes]]) -> None:
        answered.add(*((name, msgspec.Raw(value)) for name, value in replies))

    running = Engine(settings, answer, lambda: os._exit(3))
    running.open()
    if life == 0:
        running.put([Entry("control", key.encode(), value) for _, key, value in OneProcess.records_of(1, TEXTS)])
    running.start()
    caller = Caller(life, seed)
    while True:
        if life < 0:
            time.sleep(60)
            continue
        put(running, acknowledged, caller.batch())
        time.sleep(0.006)


def put(running: Engine, acknowledged: Notes, made: Sequence[tuple[str, Json, Entry]]) -> None:
    """Has records taken, again until there is room for them: what comes later may be about them."""
    while True:
        try:
            return running.put([entry for _, _, entry in made], functools.partial(note, acknowledged, made))
        except IntakeFullError:
            time.sleep(0.01)


def note(notes: Notes, made: Sequence[tuple[str, Json, Entry]], end: int, problem: str) -> None:
    """Notes what was acknowledged."""
    if problem:
        os._exit(4)
    notes.add(*((kind, about["id"]) for kind, about, _ in made))


def forked(run: Callable[[], object], name: str) -> int:
    """Starts a process that does `run`; gives its id."""
    process = os.fork()
    if process:
        return process
    try:
        run()
    except BaseException as error:
        print(f"{name} ended: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
    os._exit(2)


def kill(process: int, name: str) -> None:
    """Kills a process that has to be alive until then."""
    ended, status = os.waitpid(process, os.WNOHANG)
    if ended:
        sys.exit(f"{name} ended by itself with status {status}")
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def warm(folder: pathlib.Path) -> None:
    """Loads everything that a life needs, in a process that goes on without a thread."""
    stages = OneProcess()
    stages.release(1, TEXTS)
    caller = Caller(0, 0)
    stages.events([entry.value or b"" for _ in range(20) for _, _, entry in caller.batch() if entry.topic == "events"])
    stages.checkpoint()
    SideJobs(Settings(runtime="solo", folder=str(folder / "warm")), {"label": lambda settings: NoJob()}).run()


class NoJob:
    """A job that has nothing to do."""

    def run(self) -> None:
        pass

    def stop(self) -> None:
        pass


def main(folder: pathlib.Path, kills: int, seed: int) -> None:
    """Kills so often, then says so on the standard output, and lets both live until the standard input ends."""
    chosen = {"log_fsync": "os", "metrics_interval_ms": 100, "archive_interval_ms": 200}
    settings = Settings(runtime="solo", folder=str(folder), **chosen)  # type: ignore[arg-type]
    checkpoints.SECONDS = 0.1
    engine.LogWriter = functools.partial(LogWriter, segment_bytes=200_000)  # type: ignore[misc, assignment]
    draw = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    warm(folder)
    assert threading.active_count() == 1, "a fork copies no thread, and none may hold a lock"
    side = forked(lambda: SideJobs(settings).run(), "side jobs")
    for life in range(kills):
        process = forked(functools.partial(live, settings, life, seed), "engine")
        begun = folder.joinpath(ACKNOWLEDGED)
        size, until = begun.stat().st_size if begun.exists() else 0, time.monotonic() + 60
        if draw.random() < 0.8:  # the others are killed while they start
            while (not begun.exists() or begun.stat().st_size == size) and time.monotonic() < until:
                time.sleep(0.005)
        time.sleep(draw.random() * draw.choice([0.02, 0.2, 0.6]))
        kill(process, "engine")
        if draw.random() < 0.25:
            kill(side, "side jobs")
            side = forked(lambda: SideJobs(settings).run(), "side jobs")
    process = forked(functools.partial(live, settings, -1, seed), "engine")
    print("killed", flush=True)
    sys.stdin.read()
    kill(process, "engine")
    kill(side, "side jobs")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
