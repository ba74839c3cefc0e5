"""Finding and checking ports of this machine."""

import contextlib
import random
import socket

from foundation.refusal import Refusal

CHOSEN = range(20_000, 32_768)
"""Free ports are chosen from this range, which is below the ports that Linux gives to outgoing connections: one of these could take a
port between its choice and its use."""


def free_ports(count: int) -> list[int]:
    """`count` different ports that nobody listens on now, chosen at random; another process may still take one before it is used.

    Raises:
        Refusal: fewer ports are free.
    """
    ports: list[int] = []
    with contextlib.ExitStack() as sockets:
        for port in random.SystemRandom().sample(CHOSEN, len(CHOSEN)):
            if len(ports) == count:
                break
            with contextlib.suppress(OSError):
                sockets.enter_context(socket.socket()).bind(("127.0.0.1", port))
                ports.append(port)
    if len(ports) < count:
        raise Refusal("too few free ports", where=f"ports {CHOSEN[0]} to {CHOSEN[-1]}", expected=f"{count} free ports", got=len(ports))
    return ports


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
