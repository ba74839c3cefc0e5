"""Finding and checking ports of this machine."""

import array
import contextlib
import fcntl
import os
import pathlib
import random
import socket
import time
from collections.abc import Iterator

from deploy.machine.private_files import FILE_MODE, FOLDER_MODE
from foundation.cache_folder import user_cache
from foundation.refusal import Refusal

CHOSEN = range(20_000, 32_768)
"""Free ports are chosen from this range, which is below the ports that Linux gives to outgoing connections: one of these could take a
port between its choice and its use."""
KEPT_S = 300.0
"""A port is not given out again for so long, since a server may need minutes from its start until it listens."""


def free_ports(count: int) -> list[int]:
    """`count` different ports that nobody listens on now, chosen at random.

    No process of this user is given one of them again within `KEPT_S`. A program that chooses its ports otherwise may still take one.

    Raises:
        Refusal: fewer ports are free.
    """
    ports: list[int] = []
    now_s = time.time()
    with _given_ports() as given_s, contextlib.ExitStack() as sockets:
        for port in random.SystemRandom().sample(CHOSEN, len(CHOSEN)):
            if len(ports) == count:
                break
            if abs(now_s - given_s[port - CHOSEN[0]]) < KEPT_S:
                continue
            with contextlib.suppress(OSError):
                sockets.enter_context(socket.socket()).bind(("127.0.0.1", port))
                ports.append(port)
                given_s[port - CHOSEN[0]] = now_s
    if len(ports) < count:
        raise Refusal("too few free ports", where=f"ports {CHOSEN[0]} to {CHOSEN[-1]}", expected=f"{count} free ports", got=len(ports))
    return ports


@contextlib.contextmanager
def _given_ports() -> Iterator["array.array[float]"]:
    """When each port of `CHOSEN` was given out last, in seconds since 1970; what the block changes is kept for all processes of this user.

    Without a file of this user in the cache folder, each call stands by itself.
    """
    blank = array.array("d", bytes(8 * len(CHOSEN)))
    try:
        user_cache().mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        handle = os.open(_file_of_given_ports(), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    except OSError:
        yield blank
        return
    with open(handle, "r+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(handle).st_uid != os.getuid():
            yield blank
            return
        content = file.read(8 * len(CHOSEN))
        given_s = array.array("d", content) if len(content) == 8 * len(CHOSEN) else blank
        yield given_s
        file.seek(0)
        file.write(given_s.tobytes())


def _file_of_given_ports() -> pathlib.Path:
    return user_cache() / "given-ports"


def require_free(port: int, use: str, host: str = "127.0.0.1") -> None:
    """Checks that `port` is free at `host`; `use` says what it is for.

    Raises:
        Refusal: another program listens on it, or this machine has no such address.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Refusal(
                "port cannot be used",
                where=f"port {port} of {host}",
                expected=f"a free port for {use}",
                got=str(error.strerror),
                remedy=f"`ss -ltnp sport = :{port}` shows the program that has it; stop it, or choose another port (`weir settings`)",
            ) from error


def is_open(port: int) -> bool:
    """Whether something accepts connections on `port`."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
