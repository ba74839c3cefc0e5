"""Where the processes of this machine listen, as the kernel says it. For tests only."""

import contextlib
import ipaddress
import os
import pathlib
import re
import socket
from collections.abc import Iterable
from typing import NamedTuple

_LISTENS = "0A"
_SOCKET = re.compile(r"socket:\[([0-9]+)\]")


class Listening(NamedTuple):
    """One port of one process."""

    address: str
    port: int


def listening(pids: Iterable[int]) -> set[Listening]:
    """Of these processes and all that they have started."""
    sockets = _listening_sockets()
    return {sockets[inode] for pid in _with_children(set(pids)) for inode in _inodes(pid) if inode in sockets}


def is_of_this_machine_alone(place: Listening) -> bool:
    address = ipaddress.ip_address(place.address)
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _with_children(pids: set[int]) -> set[int]:
    parents = {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it may have ended
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    found: set[int] = set()
    while more := {pid for pid, parent in parents.items() if parent in pids | found} - pids - found:
        found |= more
    return pids | found


def _inodes(pid: int) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):
        for handle in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if named := _SOCKET.fullmatch(os.readlink(handle)):
                    found.add(named[1])
    return found


def _listening_sockets() -> dict[str, Listening]:
    found = {}
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == _LISTENS:
                host, port = local.split(":")
                found[inode] = Listening(_address(host), int(port, 16))
    return found


def _address(text: str) -> str:
    """The kernel writes words of four bytes, each as a number of this machine."""
    words = b"".join(bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8))
    return socket.inet_ntop(socket.AF_INET if len(words) == 4 else socket.AF_INET6, words)
