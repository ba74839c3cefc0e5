"""Runs a backtest of stored rules on the archive of a system, beside the rules of a release of its registry."""

import pathlib
from collections.abc import Mapping
from typing import NamedTuple

from foundation.settings import Settings
from pipeline.backtest.backtest import Backtest, Wanted, usual_value, value_column
from pipeline.backtest.figures import Figures
from pipeline.backtest.side_by_side import SideBySide, side_by_side, with_candidate, without_bypass
from pipeline.control.progress import Progress
from pipeline.replay.archived_changes import told_of_archive
from pipeline.replay.archived_history import labels_of_archive, spooled_history
from pipeline.replay.stored_releases import stored_release, stored_text, texts_of
from stores.registry import Registry
from stores.relational.database import Database
from stores.relational.definitions import RelationalRegistry
from stores.relational.place import place_of


class Asked(NamedTuple):
    """Says what is tried. See `pipeline.jobs.backtest_kind.BacktestParameters`; times are ms since the epoch."""

    versions: Mapping[str, str]
    without: tuple[str, ...] = ()
    from_ms: int | None = None
    to_ms: int | None = None
    value_of: str | None = None
    release: int | None = None


def backtest_archive(settings: Settings, asked: Asked, folder: pathlib.Path, progress: Progress) -> Figures:
    """Replays the events of the archive up to `asked.to_ms`; those before `asked.from_ms` warm up.

    Args:
        folder: a folder for files that are only needed meanwhile.

    Raises:
        Refusal: a release or a text is not there or does not compile, or the archive does not answer or holds no event.
    """
    database = Database(place_of(settings))
    try:
        both = stored_side_by_side(RelationalRegistry(database), asked)
    finally:
        database.close()
    schema = both.release.schema
    value_of = usual_value(schema) if asked.value_of is None else asked.value_of
    value_column(schema, value_of)
    history = spooled_history(settings, schema, None, folder, lambda events: progress(0, events))
    labels = labels_of_archive(settings, both.release, history)
    facts, entries = told_of_archive(settings, both.release)
    return Backtest(both, history, labels, Wanted(asked.from_ms, asked.to_ms, value_of), facts, entries).run(progress)


def stored_side_by_side(registry: Registry, asked: Asked) -> SideBySide:
    """Compiles a release of the registry, and the same with the rules that are tried.

    Raises:
        Refusal: the release or a text is not there, or does not compile.
    """
    release = stored_release(registry, asked.release)
    texts = without_bypass(texts_of(registry, release))
    rules = {id: stored_text(registry, f"rule {id}", hash) for id, hash in asked.versions.items()}
    return side_by_side(release.id, texts, with_candidate(texts, rules, asked.without))
