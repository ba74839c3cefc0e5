"""Tests a configuration with pytest: a whole system without a broker runs inside the process of the test, and starts in about a second.

from weir.testing import System, start_weir

@pytest.fixture(scope="module")
def system(start_weir):
    return start_weir(pathlib.Path("my-configuration"))

def test_a_great_amount_is_reviewed(system):
    event = {"payment_id": 1, "at": system.now_ms, "customer_id": "c1", "amount": 9_000.0}
    assert system.decide(event).action == "review"
"""

import contextlib
import datetime
import pathlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec
import pytest

from api.client.client import Decision, Release
from deploy.local.releases import read_folder
from deploy.local.solo_in_process import SoloInProcess
from foundation.document import read_document
from foundation.refusal import Refusal
from pipeline.log.log_folder import INPUT, LOGS, LOGS_OF, segments_of
from pipeline.log.reader import LogReader

__all__ = ["System", "start_weir"]

DEADLINE_MS = 10_000
SECONDS_MAX = 60.0
LOOK_SECONDS = 0.01
READ_AT_ONCE = 10_000

Found = TypeVar("Found")


class MovedClock:
    """The time of this machine, and how far a test has moved it ahead."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> float:
        return time.time() + self.ahead_ms / 1000


class System(SoloInProcess):
    """A whole system with a configuration in force: the API, its engine and the side jobs as threads of this process.

    Use it in a ``with`` block, or let the fixture `start_weir` do so. It decides as every other system does.

    Args:
        config: the configuration folder.
        folder: where the system keeps what it has; None makes one that is removed at the end.
        side_jobs: whether decisions are stored, labels resolved, models taught, metrics counted and records archived too.
        values: other settings.

    Attributes:
        client: calls the API as its owner; all that the API can do, such as lists, facts and jobs, can be asked of it.
        settings: of the system.
    """

    def __init__(self, config: pathlib.Path, folder: pathlib.Path | None = None, side_jobs: bool = True, **values: object) -> None:
        self._clock = MovedClock()
        self._removed_at_end = folder is None
        self._folder = folder or pathlib.Path(tempfile.mkdtemp(prefix="weir-test-"))
        super().__init__(config, self._folder, side_jobs, clock=self._clock, **values)

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        if self._removed_at_end:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def now_ms(self) -> int:
        """The time of the system in ms since the epoch: that of this machine, and as far ahead as `advance` has moved it."""
        return int(self._clock() * 1000)

    @property
    def now(self) -> datetime.datetime:
        """The same as a time in UTC; ``isoformat()`` of it is a time in RFC 3339."""
        return datetime.datetime.fromtimestamp(self.now_ms / 1000, datetime.UTC)

    def advance(self, span: str) -> int:
        """Moves the time of the system ahead by `span`, such as ``25h`` or ``10m``; gives `now_ms`.

        Nothing is waited for. Windows follow the times of events, so that they move with the next event of their entity.

        Raises:
            Refusal: `span` is no length of time.
        """
        self._clock.ahead_ms += read_document(span, "span").duration_ms()
        return self.now_ms

    def decide(self, event: Mapping[str, object]) -> Decision:
        """The answer to a caller that waits for the decision on `event`.

        Raises:
            Refusal: the API refuses the event, with its own words.
        """
        return self.client.decide(event, DEADLINE_MS)

    def decision(self, event_id: str | int, user: str | None = None) -> dict[str, Any]:
        """The newest decision on an event with its features, the scores of its models and its matches; waits until there is one.

        Args:
            user: the event's primary entity, where several have events with this id.

        Raises:
            Refusal: there is none within `SECONDS_MAX`.
        """

        def newest() -> dict[str, Any] | None:
            found = [each for each in self.records("decisions") if each["event_id"] == str(event_id) and user in (None, each["user"])]
            return found[-1] if found else None

        return self.wait_for(newest, f"a decision on the event {event_id}")

    def records(self, topic: str) -> list[dict[str, Any]]:
        """What a topic holds now, oldest first.

        Args:
            topic: short name, such as ``decisions``, ``dead-letters``, ``late``, ``events`` or ``labels``; its records have to be JSON.

        Raises:
            Refusal: there is no such topic.
        """
        if topic not in LOGS_OF:
            raise Refusal("unknown topic", where="topic", expected=f"one of {', '.join(LOGS_OF)}", got=topic)
        return [msgspec.json.decode(value) for name in LOGS_OF[topic] for value in self._values(name, topic)]

    def label(self, event_id: str | int, label: int, **more: Any) -> None:
        """Labels an event, as `client.label` does; returns once the next event is decided with the label known.

        Args:
            label: 1 is fraud, 0 is not.
            more: ``label_time``, by default `now_ms`, ``user``, ``source`` and ``weight``.

        Raises:
            Refusal: the API refuses the label; or it finds no decision within `SECONDS_MAX`.
        """
        before = len(self._resolved(event_id))
        self.client.label(event_id, label, **({"label_time": self.now_ms} | more))
        self.wait_for(lambda: len(self._resolved(event_id)) > before, f"a decision that the label of the event {event_id} belongs to")

    def put(self, definitions: pathlib.Path | Mapping[str, str]) -> Release:
        """Puts definitions in force; the next event is decided by them.

        Args:
            definitions: a folder, or the texts of some parts, such as ``{"policy": "…"}``; the others stay.

        Raises:
            Refusal: a definition is not valid; the refusal names its line and column, and nothing has changed.
        """
        texts = read_folder(definitions) if isinstance(definitions, pathlib.Path) else definitions
        released = self.client.put(texts)
        assert isinstance(released, Release), "a system of a test has no approvers"
        return released

    def wait_for(self, look: Callable[[], Found | None], what: str) -> Found:
        """Gives what `look` gives as soon as that is anything but None or False.

        Raises:
            Refusal: it is not within `SECONDS_MAX`; the refusal says that it waited for `what`.
        """
        until = time.monotonic() + SECONDS_MAX
        while not (found := look()):
            if time.monotonic() > until:
                letters = [each["reason"] for each in self.records("dead-letters")[-3:]]
                remedy = f"see the newest dead letters: {letters}" if letters else "there is no dead letter; is it the right id?"
                raise Refusal("it did not come", where="the system of this test", expected=what, got="nothing", remedy=remedy)
            time.sleep(LOOK_SECONDS)
        return found

    def _values(self, name: str, topic: str) -> Iterator[bytes]:
        """The values of the records of `topic` in the log `name`, without those that delete a key."""
        reader = LogReader(segments_of(self.settings.path(*LOGS), name), [topic])
        while records := reader.read(READ_AT_ONCE):
            yield from (record.value for record in records if record.value is not None)

    def _resolved(self, event_id: str | int) -> list[dict[str, Any]]:
        """The labels of an event that the engine has taken in."""
        return [each for each in map(msgspec.json.decode, self._values(INPUT, "labels-resolved")) if each["event_id"] == str(event_id)]


@pytest.fixture(scope="session")
def start_weir() -> Iterator[Callable[..., System]]:
    """Starts systems, with the arguments of `System`; all of them end with the run of pytest."""
    with contextlib.ExitStack() as systems:
        yield lambda config, **more: systems.enter_context(System(pathlib.Path(config), **more))
