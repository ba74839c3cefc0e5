"""Whether a server of this machine answers a request over HTTP."""

import urllib.error
import urllib.request


def answers(address: str, path: str) -> bool:
    """Whether `path` at `address` (a host and a port) is answered with status 200."""
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
