"""Ports of this machine."""

import socket

from features.refusal import Refusal


def free_ports(count: int) -> list[int]:
    """`count` different ports that nobody listens on now; another process may still take one before its use."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def require_free(port: int, use: str) -> None:
    """Passes when `port` can be listened on.

    Raises:
        Refusal: another program has it.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Refusal(
                "port taken",
                where=f"port {port}",
                expected=f"a free port for {use}",
                got=str(error.strerror),
                remedy=f"`ss -ltnp sport = :{port}` shows by whom; stop it, or choose another port (`weir settings`)",
            ) from error


def is_open(port: int) -> bool:
    """True when something accepts connections on `port`."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
