"""Reads releases of a system from its registry."""

from foundation.refusal import Refusal
from stores.registry import Registry, StoredRelease


def stored_release(registry: Registry, id: int | None = None) -> StoredRelease:
    """Returns the release `id`, or the newest one that was published.

    Raises:
        Refusal: there is none.
    """
    if id is not None:
        found = registry.get(id)
    else:
        pending = {release.id for release in registry.pending_publication()}
        found = next((release for release in registry.releases(len(pending) + 1) if release.id not in pending), None)
    if found is None:
        raise Refusal("unknown release", where="release", expected="a release of the registry", got=id or "none in it")
    return found


def texts_of(registry: Registry, release: StoredRelease) -> dict[str, str]:
    """Returns the texts of a release by part.

    Raises:
        Refusal: one of them is not there.
    """
    return {part: stored_text(registry, part, hash) for part, hash in release.parts.items()}


def stored_text(registry: Registry, where: str, hash: str) -> str:
    """Returns a stored text; a refusal says that it was asked for at `where`.

    Raises:
        Refusal: it is not there.
    """
    text = registry.text(hash)
    if text is None:
        raise Refusal("unknown version", where=where, expected="the hash of a stored text", got=hash)
    return text
