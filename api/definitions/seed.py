"""Stores the first release of a system, from the texts of a configuration folder."""

from collections.abc import Mapping

from pipeline.engine.definitions.part_names import PARTS
from pipeline.trial.trial import try_release
from stores.registry import Registry


def seed(registry: Registry, texts: Mapping[str, str], at_ms: int) -> int | None:
    """Stores `texts` (by part) as release 1 if `registry` is empty, so that it gets published; gives its id, or None if it is not empty.

    Raises:
        Refusal: the texts do not compile, or do not decide on a synthetic event; then nothing is stored.
    """
    if registry.newest() is not None:
        return None
    try_release(texts)
    parts = {part: registry.put(part, texts[part], "seed", at_ms) for part in PARTS}
    return registry.release(parts, "seed", at_ms)
