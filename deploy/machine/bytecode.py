"""Processes of a system keep what Python compiles of their modules, wherever they are started from.

Without it two thousand modules are compiled at each start, which takes two seconds of CPU of each process.
"""

import sys

from foundation.cache_folder import user_cache


def bytecode_environment() -> dict[str, str]:
    """Returns what to add to the environment of processes: nothing where Python keeps bytecode beside the sources.

    Where it was told not to, as in many containers, it is kept in the user's cache, so that the sources stay as they are.
    """
    if not sys.dont_write_bytecode:
        return {}
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(user_cache() / "bytecode")}
