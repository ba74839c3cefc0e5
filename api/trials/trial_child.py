"""``python -m api.trials.trial_child`` is the process in which an API process tries uploaded definitions, one after the other.

So their cost does not delay decisions. The process has a low priority and bounds on memory and CPU, and it ends with its parent.
"""

import logging
import resource
import sys
import time

import msgspec

from api.trials.trial import Trial, Verdict, cpu_ms_of, tried, verdict_of
from pipeline.control.child_process import MIB, bound_memory, data_bytes, parent_of_this
from pipeline.flink.garbage import settle_garbage
from pipeline.trial.trial_budget import warm_up

READY = b"ready"
"""The process sends this once, when everything that a trial needs is loaded."""


def main() -> None:
    """Runs trials. The arguments are the descriptor of the connection, the parent's process id, and the bounds: MiB and ms of CPU."""
    descriptor, parent, *numbers = sys.argv[1:]
    memory_mib, cpu_ms = map(int, numbers)
    connection = parent_of_this(descriptor, parent)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    warm_up()
    settle_garbage()
    data_bytes_max = bound_memory(memory_mib)
    connection.send_bytes(READY)
    room_least = memory_mib * MIB // 2
    try:
        while True:
            trial = msgspec.msgpack.decode(connection.recv_bytes(), type=Trial)
            verdict = tried(lambda trial=trial: _try(trial, cpu_ms), memory_mib)  # type: ignore[misc]
            verdict.is_last = verdict.is_last or data_bytes_max - data_bytes() < room_least
            connection.send_bytes(msgspec.msgpack.encode(verdict))
            if verdict.is_last:
                return
    except EOFError:  # the parent has ended or closed the connection
        return


def _try(trial: Trial, cpu_ms: int) -> Verdict:
    bound_cpu(cpu_ms_of(trial, cpu_ms))
    return verdict_of(trial)


def bound_cpu(cpu_ms: int) -> None:
    """Makes the kernel end this process when the trial that begins now has used `cpu_ms` of CPU, rounded up to a whole second."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + cpu_ms // 1_000 + 1, hard))


if __name__ == "__main__":
    main()
