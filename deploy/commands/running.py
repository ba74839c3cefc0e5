"""A system is started, said to be up, kept running until Ctrl-C or TERM, and stopped."""

import os
import sys
import time
from collections.abc import Callable
from typing import Protocol

from api.auth.token import token_made_now
from deploy.commands.console_link import console_line
from deploy.machine import interruption
from deploy.machine.private_files import UMASK
from deploy.machine.saying import StandardOutput, never_failing
from foundation.settings import Settings


class System(Protocol):
    """What is run: a stack of processes."""

    def start(self) -> None:
        """Starts everything, and returns when it is ready."""
        ...

    def keep_running(self) -> object:
        """Restarts what has ended by itself."""
        ...

    def stop(self) -> None:
        """Stops everything."""
        ...


def run_until_interrupted(settings: Settings, make: Callable[[], System], where: Callable[[Settings], str]) -> None:
    """Runs the system of `settings` that `make` makes.

    Args:
        where: says under which addresses the system is reached; it is called once the system is up, since its start makes certificates.

    Raises:
        Refusal: a process does not come up.
    """
    interruption.listen()
    os.umask(UMASK)
    token = token_made_now(settings)
    system = make()
    say = never_failing(StandardOutput().say)
    try:
        system.start()
        say(where(settings))
        say(console_line(settings, sys.stdout.isatty()))
        say("Ctrl-C stops everything")
        if token and sys.stdout.isatty():  # otherwise the output may go to a log, which would keep the token
            say(f"token   {token}  (with the role admin; it is not shown again)")
        while True:
            interruption.check()
            system.keep_running()
            time.sleep(0.2)
    except KeyboardInterrupt:
        say("stopping")
    finally:
        system.stop()
