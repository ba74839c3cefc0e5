"""Flink calls these thin functions once a micro-batch; the stages that they call know nothing of Flink."""

import importlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from pyflink.datastream.functions import KeyedProcessFunction, ProcessFunction, RuntimeContext
from pyflink.datastream.timerservice import TimerService

from pipeline.flink.garbage import settle_garbage
from pipeline.flink.state import OutspokenState
from pipeline.wire.declaration import END_MS


def build(factory: str, *arguments: Any) -> Any:
    """Imports and calls `factory`, a ``module:function``; it is a text so that tests can give a job other stages."""
    module, _, function = factory.partition(":")
    return getattr(importlib.import_module(module), function)(*arguments)


class Later(NamedTuple):
    """Stands for an argument of a stage that is made where the stage runs, such as what holds a connection.

    Args:
        factory: ``module:function``.
        arguments: given to it.
    """

    factory: str
    arguments: tuple[Any, ...]


class UnkeyedStage(ProcessFunction):
    """Runs a stage that has no state.

    Args:
        factory: ``module:function`` that makes the stage.
    """

    def __init__(self, factory: str) -> None:
        self._factory = factory
        self._stage: Any = None

    def open(self, runtime_context: RuntimeContext) -> None:
        """Makes the stage; Flink calls this once at each start of the task."""
        self._stage = build(self._factory)
        settle_garbage()

    def process_element(self, value: Any, ctx: ProcessFunction.Context) -> Iterator[bytes]:
        frames = self._stage.process(bytes(value))
        if frames:
            yield frames


class KeyedStage(KeyedProcessFunction):
    """Runs a stage that reads and writes Flink's keyed state for all keys of a micro-batch at once.

    Args:
        factory: ``module:function`` that makes the stage from its state and `arguments`.
        name: of the state; saved state is found again by it.
        ttl_ms: a key that is not written for this long is forgotten; 0 keeps keys for ever.
        arguments: given to the factory after the state; a `Later` is made when the task starts, and closed when it ends.
    """

    def __init__(self, factory: str, name: str, ttl_ms: int, *arguments: Any) -> None:
        self._factory = factory
        self._name = name
        self._ttl_ms = ttl_ms
        self._arguments = arguments
        self._stage: Any = None
        self._made: list[Any] = []

    def open(self, runtime_context: RuntimeContext) -> None:
        """Makes the stage on the state of its task; Flink calls this once at each start of the task."""
        from pemja import findClass  # only inside a TaskManager's JVM

        backend = runtime_context._keyed_state_backend._keyed_state_backend  # PyFlink has no public access to many keys
        state = OutspokenState(findClass("weir.flink.BulkState")(backend, self._name, self._ttl_ms))
        self._stage = build(self._factory, state, *[self._argument(each) for each in self._arguments])
        settle_garbage()

    def close(self) -> None:
        """Closes what was made for the stage; Flink calls this once at each end of the task."""
        for each in self._made:
            each.close()

    def _argument(self, given: Any) -> Any:
        if not isinstance(given, Later):
            return given
        self._made.append(build(given.factory, *given.arguments))
        return self._made[-1]

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[bytes]:
        frames = self._stage.process(bytes(value))
        if frames:
            yield frames


class TimedStage(KeyedStage):
    """Runs a stage that waits for event times, and tells it once they have come.

    Its timers are alarm clocks of the subtask: whatever key one is registered under, the stage itself knows which of its keys are due.
    """

    _alarm_ms: int | None = None

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[bytes]:
        yield from super().process_element(value, ctx)
        self._set_alarm(ctx.timer_service())

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[bytes]:
        frames = self._stage.pass_time_encoded(event_time_ms(ctx.timer_service().current_watermark()))
        if frames:
            yield frames
        self._set_alarm(ctx.timer_service())

    def _set_alarm(self, timers: TimerService) -> None:
        first_ms = self._stage.first_deadline_ms
        if first_ms is not None and first_ms != self._alarm_ms:
            timers.register_event_time_timer(first_ms)
            timers.register_event_time_timer(END_MS + first_ms)
        self._alarm_ms = first_ms


def event_time_ms(watermark_ms: int) -> int:
    """Returns the event time that a watermark says has come: every event before it has been handed over. See `END_MS`."""
    return (watermark_ms - END_MS if watermark_ms >= END_MS else watermark_ms) + 1
