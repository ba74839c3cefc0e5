"""A program that refuses to run as root, run by root all the same: as another user in its own eyes, and as root in those of the machine.

The kernel maps the user of a process to another one inside a user namespace. What the program makes belongs to root, so that a folder which
only root may enter can hold it, and no account has to be made for it.
"""

import ctypes
import os
import pathlib
from collections.abc import Callable

from foundation.refusal import Refusal

_CLONE_NEWUSER = 0x10000000
_USER_INSIDE = 1
"""An account of every Linux, ``daemon``: programs look up the name of the user that they run as."""
_libc = ctypes.CDLL(None, use_errno=True)


def unless_root() -> Callable[[], None] | None:
    """What a child of root does before it runs such a program; None where this is not root.

    Raises:
        Refusal: the kernel allows no user namespaces, as it does not in many containers.
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
    """For a child process between fork and exec.

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
