"""The command `weir export` chooses the source, writes the file and prints a summary."""

import pathlib
import sys
from collections.abc import Sequence

from foundation.settings import Settings
from pipeline.control.progress import Progress
from pipeline.tables import refused
from pipeline.tables.event_files import read_history
from pipeline.tables.fact_files import read_facts_file
from pipeline.tables.label_files import labels_for
from pipeline.training.replayed_source import ReplayedSource
from pipeline.training.served_source import ServedSource
from pipeline.training.training_file import Summary, check_free, export
from pipeline.training.training_rows import ALWAYS
from pipeline.training.training_source import TrainingSource
from pipeline.trial.configuration_folder import compile_texts, entries_of, read_texts


def export_replayed(
    paths: Sequence[pathlib.Path],
    config: pathlib.Path,
    labels_path: pathlib.Path | None,
    label_column: str,
    label_delay_ms: int,
    out: pathlib.Path,
    overwrite: bool,
    facts_path: pathlib.Path | None = None,
) -> None:
    """Replays the events in `paths` with the configuration in `config`, and exports the decisions to `out`.

    Raises:
        Refusal: the configuration or a file is not usable, or `out` exists and `overwrite` is false.
    """
    check_free(out, overwrite)
    texts = read_texts(config)
    release = compile_texts(texts)
    history = read_history(paths, release.schema, "time", label_column, label_delay_ms)
    labels = labels_for(history, labels_path, release.schema)
    facts = read_facts_file(facts_path, release.schema, history.refused) if facts_path else []
    _export(ReplayedSource(release, history, labels, _progress, facts, entries_of(texts)), out, ALWAYS, overwrite)
    history.refused.write(out.with_name(f"{out.stem}.{refused.NAME}"))


def export_served(settings: Settings, out: pathlib.Path, from_ms: int | None, to_ms: int | None, overwrite: bool) -> None:
    """Exports the running system's decisions on events with event times in [from_ms, to_ms).

    Raises:
        Refusal: the broker or the archive does not answer, or `out` exists and `overwrite` is false.
    """
    check_free(out, overwrite)
    _export(ServedSource(settings, from_ms, to_ms, _progress), out, _span(from_ms, to_ms), overwrite)


def write_served(
    settings: Settings, out: pathlib.Path, from_ms: int | None, to_ms: int | None, progress: Progress
) -> tuple[Summary, list[str]]:
    """Writes the same file as `export_served` and gives its counts, and sentences about what was left out.

    Raises:
        Refusal: as for `export_served`.
    """
    source = ServedSource(settings, from_ms, to_ms, progress)
    summary = export(source, out, _span(from_ms, to_ms))
    return summary, source.remarks()


def _span(from_ms: int | None, to_ms: int | None) -> tuple[int, int]:
    return ALWAYS[0] if from_ms is None else from_ms, ALWAYS[1] if to_ms is None else to_ms


def _export(source: TrainingSource, out: pathlib.Path, span_ms: tuple[int, int], overwrite: bool) -> None:
    print(report(export(source, out, span_ms, overwrite), source, out))


def report(summary: Summary, source: TrainingSource, out: pathlib.Path) -> str:
    """Gives the lines that the command prints at its end."""
    strangers = summary.strangers + source.strangers()
    lines = [
        f"rows        {summary.rows:,}  columns {summary.columns:,}  repeats dropped {summary.repeats:,}",
        f"labels      {summary.labelled:,} rows  positive {summary.positives:,}  of unknown events {strangers:,}",
    ]
    if summary.ambiguous:
        lines.append(f"            {summary.ambiguous:,} labels left out: they name no user, and several have an event with that id")
    return "\n".join([*lines, *source.remarks(), f"written     {out}"])


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\r{done:,} of {total:,} ({done / max(total, 1):.0%})", end=end, file=sys.stderr, flush=True)
