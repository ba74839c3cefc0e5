"""A process that has ended by itself is started again."""

from collections.abc import Callable

from deploy.machine.patience import Patience
from deploy.machine.processes import Process, Processes


def start_again(
    processes: Processes, process: Process, start: Callable[[], Process], patience: Patience, say: Callable[[str], None]
) -> bool:
    """Starts another process in place of `process`, which has ended; gives whether it could be started. What happens is said.

    Args:
        processes: hold `process`, and the other one in its place once that has been started.
        start: starts the other process; whatever it raises is said, and the next try is made after the wait of `patience`.
    """
    wait_seconds = patience.tried(process.name)
    say(f"{process.name} ended and is started again (log: {process.log})")
    try:
        started = start()
    except Exception as error:  # a full disk may fail any step, each with an error of its own
        say(f"{process.name} could not be started, and it is tried again in {wait_seconds:g} s: {error}")
        return False
    processes.forget(process)
    processes.add(started)
    return True
