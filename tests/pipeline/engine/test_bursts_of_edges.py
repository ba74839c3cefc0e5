"""Bursts of edges between hosts are scored by the definitions that docs/models.md shows, and by nothing else."""

import json
import pathlib
import re

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.engine.definitions.release import compile_release
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import read_history

PAGE = pathlib.Path("docs/models.md")
START_MS, HOSTS, MINUTES = 1_700_006_400_000, 40, 120


def definitions() -> dict[str, str]:
    """The blocks below the heading, by the file that each names in its first line."""
    section = PAGE.read_text().split("## Bursts of edges\n")[1].split("\n## ")[0]
    return {block.split(".yaml")[0].removeprefix("# "): block for block in re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)}


def edges(seed: int) -> tuple[list[dict[str, object]], NDArray[np.bool_]]:
    """Hosts of which some talk every second and most now and then, and ten bursts between two hosts that may be strangers."""
    draw = np.random.default_rng(seed)
    pairs = draw.integers(0, HOSTS, (150, 2))
    rates = draw.lognormal(-1.2, 1.0, len(pairs))
    found = [
        (float(at), *pair, False)
        for pair, rate in zip(pairs.tolist(), rates, strict=True)
        for at in draw.uniform(0.0, 60.0 * MINUTES, draw.poisson(rate * MINUTES))
    ]
    for begin in draw.uniform(60.0 * 30, 60.0 * (MINUTES - 2), 10):
        pair = pairs[draw.integers(len(pairs))] if draw.random() < 0.5 else draw.integers(0, HOSTS, 2)
        found += [(float(at), *pair.tolist(), True) for at in begin + draw.uniform(0.0, draw.uniform(10.0, 60.0), draw.integers(30, 80))]
    found.sort()
    rows: list[dict[str, object]] = [
        {"id": id, "at": START_MS + int(1_000 * at), "source": f"h{source}", "target": f"h{target}"}
        for id, (at, source, target, _) in enumerate(found)
    ]
    return rows, np.array([each[3] for each in found])


def area_under_the_curve(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """The share of pairs of a positive and a negative in which the positive scores higher; a tie counts half."""
    usual = np.sort(scores[~positive])
    below, above = (np.searchsorted(usual, scores[positive], side) for side in ("left", "right"))  # type: ignore[call-overload]  # sides are literals
    return float((below + above).mean() / (2.0 * len(usual)))


@pytest.mark.parametrize("seed", [1, 2])
def test_one_combination_ranks_edges_of_bursts_above_the_others(seed: int, tmp_path: pathlib.Path) -> None:
    rows, burst = edges(seed)
    (tmp_path / "events.jsonl").write_text("\n".join(map(json.dumps, rows)))
    release = compile_release(1, definitions())
    replay = Replay(release, read_history([tmp_path / "events.jsonl"], release.schema), None)
    scores = np.concatenate([verdicts.models["odd"] for verdicts, _ in replay.scored()])
    known = ~np.isnan(scores)
    assert not burst[~known].any()
    assert area_under_the_curve(scores[known], burst[known]) >= 0.95
