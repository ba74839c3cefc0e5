"""What detectors with a state for each entity keep of one."""

from collections.abc import Iterator

from pipeline.engine.definitions.release import Release


def state_lines(release: Release) -> Iterator[str]:
    """Yields a line for each kind of entity that detectors keep a state of: its bytes in memory, which are the same for every entity."""
    for kind in release.features.kinds:
        sizes = {model.name: 8 * model.keyed.width for model in release.models if model.keyed and model.kind == kind}
        if sizes:
            each = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
            yield f"detectors keep {sum(sizes.values()):,} bytes of each {kind} ({each})"
