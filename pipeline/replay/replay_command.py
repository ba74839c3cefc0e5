"""The command `weir replay` reads events, replays them and prints a report."""

import pathlib
import sys
import time
from collections.abc import Sequence

from foundation.settings import Settings
from patterns.entries import Change
from pipeline.engine.definitions.release import Release
from pipeline.engine.event_keys import Labels
from pipeline.engine.fact_record import FactRecord
from pipeline.replay.archived_history import archived_history, archived_labels
from pipeline.replay.quality import quality_of
from pipeline.replay.replay import Outcome, Replay
from pipeline.replay.rule_counts import RuleOutcome
from pipeline.tables import refused
from pipeline.tables.entry_files import read_entries_file
from pipeline.tables.event_files import History, read_history
from pipeline.tables.fact_files import read_facts_file
from pipeline.tables.label_files import fitted, labels_for
from pipeline.trial.configuration_folder import compile_texts, entries_of, read_texts


def replay_files(
    paths: Sequence[pathlib.Path],
    config: pathlib.Path,
    labels_path: pathlib.Path | None = None,
    label_column: str = "",
    label_delay_ms: int = 7 * 86_400_000,
    out: pathlib.Path | None = None,
    order: str = "time",
    facts_path: pathlib.Path | None = None,
    entries_path: pathlib.Path | None = None,
) -> Outcome:
    """Replays `paths` by the configuration in `config`, prints progress and the closing table, and writes into `out`.

    Raises:
        Refusal: the configuration or a file is not usable.
    """
    texts = read_texts(config)
    release = compile_texts(texts)
    history = read_history(paths, release.schema, order, label_column, label_delay_ms)
    facts = read_facts_file(facts_path, release.schema, history.refused) if facts_path else []
    entries = entries_of(texts) + (read_entries_file(entries_path, history.refused) if entries_path else [])
    return _replay(release, history, labels_for(history, labels_path, release.schema), out, facts, entries)


def replay_archived(
    settings: Settings, config: pathlib.Path, from_ms: int | None, to_ms: int | None, out: pathlib.Path | None = None, order: str = "time"
) -> Outcome:
    """Replays the archived events that arrived in [from_ms, to_ms), with the labels that arrived at `from_ms` or later.

    Raises:
        Refusal: the configuration is not usable, or the archive does not answer.
    """
    texts = read_texts(config)
    release = compile_texts(texts)
    history = archived_history(settings, release.schema, from_ms, to_ms, order)
    labels, bad = archived_labels(settings, release.schema, from_ms)
    if bad:
        print(f"left out    {bad:,} bad labels")
    labels = fitted(labels, history.recorded(), history.refused)
    return _replay(release, history, labels if len(labels.labels) else None, out, entries=entries_of(texts))


def _replay(
    release: Release,
    history: History,
    labels: Labels | None,
    out: pathlib.Path | None,
    facts: Sequence[FactRecord] = (),
    entries: Sequence[Change] = (),
) -> Outcome:
    started, cpu = time.perf_counter(), time.process_time()
    outcome = Replay(release, history, labels, facts=facts, entries=entries).run(
        out, _progress if sys.stderr.isatty() else lambda done, total: None
    )
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    if out is not None:
        history.refused.write(out / refused.NAME)
    print(report(release, history, labels, outcome, seconds, cpu))
    return outcome


def report(release: Release, history: History, labels: Labels | None, outcome: Outcome, seconds: float, cpu: float) -> str:
    """Gives the closing table: rate, actions and, if there are labels, how well each score ranks."""
    lines = [
        f"events      {outcome.events:,}  refused {len(history.refused):,}  "
        + "  ".join(f"{reason} {count:,}" for reason, count in outcome.unscored.items()),
        f"rate        {outcome.events / max(cpu, 1e-9):,.0f} events/s of CPU  ({seconds:.1f} s, {cpu:.1f} s CPU)",
        "actions     " + "  ".join(f"{action} {count:,}" for action, count in outcome.actions.items()),
        f"snapshots   {outcome.snapshots:,}",
    ]
    lines += [_rule_line(each, labels is not None) for each in outcome.rules]
    if outcome.absences is not None:
        lines.append(f"absences    {outcome.absences:,} came true")
    if labels is not None and outcome.scores:
        lines.append(f"positives   {int(outcome.marks.sum()):,}  (events without a label count as negative)")
        if outcome.ambiguous:
            lines.append(f"left out    {outcome.ambiguous:,} labels that name no user, though several have an event with their id")
        for name, scores in outcome.scores.items():
            measures = quality_of(outcome.marks, scores)
            lines.append(f"{name:<28}" + "  ".join(f"{measure} {value:.4f}" for measure, value in measures.items()))
    if labels is not None and labels.unknown:
        lines.append(f"left out    {labels.unknown:,} labels of unknown events")
    return "\n".join([*lines, *history.refused.summary()])


def _rule_line(each: RuleOutcome, labelled: bool) -> str:
    """What one rule did; its precision counts events without a label as negative."""
    precision = f"  precision {each.positives / each.matches:.4f}" if labelled and each.matches else ""
    failures = "".join(f"  {word} at {count:,} events" for word, count in (("erred", each.errors), ("skipped", each.skips)) if count)
    return f"rule        {each.pattern}  {each.matches:,} matches, {each.acted:,} of them acted{precision}{failures}"


def _progress(done: int, total: int) -> None:
    end = "\n" if done == total else ""
    print(f"\r{done:,} of {total:,} events ({done / total:.0%})", end=end, file=sys.stderr, flush=True)
