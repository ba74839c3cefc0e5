"""The thin Python functions that Flink calls once a bundle; the stages themselves know nothing of Flink."""

import importlib
from collections.abc import Iterator
from typing import Any

from pyflink.datastream.functions import KeyedProcessFunction, ProcessFunction, RuntimeContext

from pipeline.flink.garbage import settle_garbage
from pipeline.flink.state import OutspokenState


def build(factory: str, *arguments: Any) -> Any:
    """Calls ``module:function``; named by text so that a job can be given other stages."""
    module, _, function = factory.partition(":")
    return getattr(importlib.import_module(module), function)(*arguments)


class UnkeyedStage(ProcessFunction):
    """A stage without state.

    Args:
        factory: ``module:function`` that makes it.
    """

    def __init__(self, factory: str) -> None:
        self._factory = factory
        self._stage: Any = None

    def open(self, runtime_context: RuntimeContext) -> None:
        """Makes the stage, once a start of the task."""
        self._stage = build(self._factory)
        settle_garbage()

    def process_element(self, value: Any, ctx: ProcessFunction.Context) -> Iterator[bytes]:
        frames = self._stage.process(bytes(value))
        if frames:
            yield frames


class KeyedStage(KeyedProcessFunction):
    """A stage with Flink's keyed state, of all keys of a bundle at once.

    Args:
        factory: ``module:function`` that makes it from its bulk state.
        name: of the state.
        ttl_ms: a key not written for so long is forgotten; 0: never.
        arguments: of the factory, behind the state.
    """

    def __init__(self, factory: str, name: str, ttl_ms: int, *arguments: Any) -> None:
        self._factory = factory
        self._name = name
        self._ttl_ms = ttl_ms
        self._arguments = arguments
        self._stage: Any = None

    def open(self, runtime_context: RuntimeContext) -> None:
        """Makes the stage on the state of its task, once a start."""
        from pemja import findClass  # only inside a TaskManager's JVM

        backend = runtime_context._keyed_state_backend._keyed_state_backend  # PyFlink has no public way to many keys
        state = OutspokenState(findClass("weir.flink.BulkState")(backend, self._name, self._ttl_ms))
        self._stage = build(self._factory, state, *self._arguments)
        settle_garbage()

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[bytes]:
        frames = self._stage.process(bytes(value))
        if frames:
            yield frames
