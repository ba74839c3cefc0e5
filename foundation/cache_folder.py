"""Says where on this machine things are kept that can be made again."""

import os
import pathlib


def user_cache() -> pathlib.Path:
    """Returns the folder ``weir`` in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (pathlib.Path(cache) if cache else pathlib.Path.home() / ".cache") / "weir"


def cache_folder() -> pathlib.Path:
    """Returns the folder of kernels: ``NUMBA_CACHE_DIR``, or ``kernels`` in `user_cache`."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    return pathlib.Path(given) if given else user_cache() / "kernels"
