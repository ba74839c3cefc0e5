"""The command `weir backtest` reads rules, a configuration and events, and prints what the rules would have changed."""

import pathlib
import sys
import tempfile
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from features.schema.schema import DAY_MS
from foundation.refusal import Refusal
from foundation.settings import Settings
from foundation.text_bytes import decode_text
from patterns.entries import Change
from pipeline.backtest.backtest import Backtest, Wanted, usual_value, value_column
from pipeline.backtest.figures import Figures
from pipeline.backtest.report import report
from pipeline.backtest.side_by_side import SideBySide, side_by_side, with_candidate
from pipeline.replay.archived_changes import told_of_archive
from pipeline.replay.archived_history import labels_of_archive, spooled_history
from pipeline.replay.spooled_events import SpooledHistory
from pipeline.tables.entry_files import read_entries_file
from pipeline.tables.event_files import History, read_history
from pipeline.tables.fact_files import read_facts_file
from pipeline.tables.label_files import labels_for
from pipeline.trial.configuration_folder import compile_texts, entries_of, read_texts

RELEASE = 1


class Given(NamedTuple):
    """Says where events and what belongs to them stand. Paths of None are not given."""

    events: Sequence[pathlib.Path]
    labels: pathlib.Path | None = None
    label_column: str = ""
    label_delay_ms: int = 7 * DAY_MS
    facts: pathlib.Path | None = None
    entries: pathlib.Path | None = None


class Tried(NamedTuple):
    """Holds what is tried: the rules in force and the candidate side by side, and the entries of the configuration's lists."""

    both: SideBySide
    listed: list[Change]


class Counted(NamedTuple):
    """Says which events count, see `Wanted`; `days` are the last ones, in place of `from_ms`. `value_of` of None is the usual field."""

    from_ms: int | None = None
    to_ms: int | None = None
    days: int | None = None
    value_of: str | None = None


def candidate_of(config: pathlib.Path, rules: Sequence[pathlib.Path], without: Sequence[str]) -> Tried:
    """Reads the configuration in `config` and the candidate's rules, checks both as an upload is checked, and puts them side by side.

    Args:
        rules: files of rules, and folders whose ``*.yaml`` are rules.
        without: the ids of rules that the candidate does without.

    Raises:
        Refusal: one of them is not usable; it names file, line and column.
    """
    texts = read_texts(config)
    after = with_candidate(texts, _read_rules(rules), without)
    compile_texts(after)
    return Tried(side_by_side(RELEASE, texts, after), entries_of(texts))


def backtest_files(tried: Tried, given: Given, counted: Counted) -> Figures:
    """Replays the events of files, with the entries of the configuration's lists and those that are given beside.

    Raises:
        Refusal: a file is not usable.
    """
    both, schema = tried.both, tried.both.release.schema
    wanted_value = usual_value(schema) if counted.value_of is None else counted.value_of
    value_column(schema, wanted_value)
    history = read_history(given.events, schema, "time", given.label_column, given.label_delay_ms)
    facts = read_facts_file(given.facts, schema, history.refused) if given.facts else []
    entries = tried.listed + (read_entries_file(given.entries, history.refused) if given.entries else [])
    labels = labels_for(history, given.labels, schema)
    return Backtest(both, history, labels, _wanted(counted, wanted_value, history), facts, entries).run(_progress)


def backtest_archived(both: SideBySide, settings: Settings, counted: Counted) -> Figures:
    """Replays the events of the archive, all of them; those outside the span that counts warm up.

    Raises:
        Refusal: the archive does not answer, or holds no event.
    """
    schema = both.release.schema
    wanted_value = usual_value(schema) if counted.value_of is None else counted.value_of
    value_column(schema, wanted_value)
    with tempfile.TemporaryDirectory(prefix="weir-backtest-") as folder:
        history = spooled_history(settings, schema, None, pathlib.Path(folder))
        labels = labels_of_archive(settings, both.release, history)
        facts, entries = told_of_archive(settings, both.release)
        return Backtest(both, history, labels, _wanted(counted, wanted_value, history), facts, entries).run(_progress)


def say(figures: Figures, as_json: bool) -> str:
    """Returns what the command prints."""
    return msgspec.json.format(msgspec.json.encode(figures)).decode() if as_json else report(figures)


def _wanted(counted: Counted, value_of: str, history: History | SpooledHistory) -> Wanted:
    from_ms = counted.from_ms
    events = history.recorded()
    if counted.days is not None and len(events):
        from_ms = int(events.times_ms.max()) + 1 - counted.days * DAY_MS
    return Wanted(from_ms, counted.to_ms, value_of)


def _read_rules(paths: Sequence[pathlib.Path]) -> dict[str, str]:
    files = [file for path in paths for file in (_files_in(path) if path.is_dir() else [path])]
    return {file.stem: decode_text(file.read_bytes(), str(file)) for file in files}


def _files_in(folder: pathlib.Path) -> list[pathlib.Path]:
    """The rules of a folder: those in its ``patterns`` if it is a configuration folder."""
    inner = folder / "patterns"
    files = sorted((inner if inner.is_dir() else folder).glob("*.yaml"))
    if not files:
        raise Refusal("no rules", where=str(folder), expected="files <id>.yaml", got="none", remedy="name the folder that holds the rules")
    return files


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\r{done:,} of {total:,} events ({done / total:.0%})", end=end, file=sys.stderr, flush=True)
