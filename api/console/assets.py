"""Scripts and styles as they were built: each file's name holds a hash of its content, so that browsers keep it for ever."""

import functools
import gzip
import pathlib

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.http.problem import Problem

FOLDER = pathlib.Path(__file__).parent / "assets"
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
_KEPT = "public, max-age=31536000, immutable"


@functools.cache
def manifest() -> dict[str, str]:
    """The names of built files by those of their sources, such as ``queue.js``."""
    return msgspec.json.decode((FOLDER / "manifest.json").read_bytes(), type=dict[str, str])


def asset_path(name: str) -> str:
    """Where a browser finds the built file of the source `name`."""
    return f"/assets/{manifest()[name]}"


@functools.cache
def _compressed(name: str) -> bytes:
    return gzip.compress((FOLDER / name).read_bytes(), mtime=0)


@functools.cache
def _names() -> frozenset[str]:
    return frozenset(path.name for path in FOLDER.iterdir() if path.suffix in TYPES)


def serve_asset(request: Request) -> Response:
    """Answers ``GET /assets/<name>``.

    Raises:
        Problem: 404, there is no such file.
    """
    name = request.path_params["name"]
    if name not in _names():
        raise Problem(404, "there is no such file")
    headers = {"cache-control": _KEPT, "vary": "accept-encoding"}
    media = TYPES[pathlib.Path(name).suffix]
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(_compressed(name), headers=headers | {"content-encoding": "gzip"}, media_type=media)
    return Response((FOLDER / name).read_bytes(), headers=headers, media_type=media)
