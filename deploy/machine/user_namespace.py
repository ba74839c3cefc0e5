"""Lets root run a program that refuses to run as root: the program sees itself as another user, and the machine sees it as root.

Inside a user namespace the kernel maps the user of a process to another one. The files that the program makes belong to root, so a folder
that only root may enter can hold them, and no account has to be made for the program.
"""

import ctypes
import os
import pathlib
from collections.abc import Callable

from foundation.refusal import Refusal

_CLONE_NEWUSER = 0x10000000
_USER_INSIDE = 1
"""The program runs as the user ``daemon``, which every Linux has, because programs look up the name of their user."""
_libc = ctypes.CDLL(None, use_errno=True)


def unless_root() -> Callable[[], None] | None:
    """The function that a child of root calls before it runs such a program; None if this process is not root.

    Raises:
        Refusal: the kernel allows no user namespaces, as in many containers.
    """
    if os.geteuid() != 0:
        return None
    child = os.fork()
    if child == 0:
        try:
            become_another_user()
        finally:
            os._exit(0 if os.geteuid() == _USER_INSIDE else 1)
    if os.waitpid(child, 0)[1] != 0:
        raise Refusal(
            "PostgreSQL does not run as root",
            where="this machine",
            expected="another user, or user namespaces, by which root starts it as one",
            got="root, without user namespaces",
            remedy="run `weir up` as another user, or name a PostgreSQL that runs already (WEIR_DATABASE_URL_FILE)",
        )
    return become_another_user


def become_another_user() -> None:
    """Enters a user namespace; a child process calls it between fork and exec.

    Raises:
        OSError: the kernel does not allow it.
    """
    user, group = os.geteuid(), os.getegid()
    if _libc.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "no user namespace")
    own = pathlib.Path("/proc/self")
    (own / "setgroups").write_text("deny")
    (own / "uid_map").write_text(f"{_USER_INSIDE} {user} 1")
    (own / "gid_map").write_text(f"{_USER_INSIDE} {group} 1")
