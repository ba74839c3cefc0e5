"""The sample `masquerade` finds who sits at somebody else's keyboard, in a made stream of commands."""

import pathlib
from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.engine.definitions.release import compile_release
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import read_history
from pipeline.trial.configuration_folder import read_texts

SAMPLE = pathlib.Path(__file__).parents[3] / "deploy/samples/masquerade"
USERS, COMMANDS, TRAINING, BLOCK, BLOCKS = 12, 300, 1_500, 100, 20
"""After so many commands of its own each account has blocks of commands, each fifth of which is of somebody whom nobody knows."""
STRANGE = 5
FALSE_ALARMS, HITS_MIN = 0.05, 0.82


class Keyboard:
    """Habits over commands: all prefer the same ones, everybody in a measure of their own."""

    def __init__(self, draw: np.random.Generator) -> None:
        self._draw = draw
        self._shares = self._habits()

    def drift(self) -> None:
        """A seventh of the habits become others."""
        self._shares = 0.85 * self._shares + 0.15 * self._habits()

    def commands(self, n: int) -> NDArray[np.int64]:
        return self._draw.choice(COMMANDS, n, p=self._shares)

    def _habits(self) -> NDArray[np.float64]:
        shares = self._draw.gamma(0.5, size=COMMANDS) / np.arange(1.0, COMMANDS + 1.0)
        return shares / shares.sum()


def account(draw: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    own = Keyboard(draw)
    yield own.commands(TRAINING)
    for block in range(1, BLOCKS + 1):
        if block % STRANGE == 0:
            yield Keyboard(draw).commands(BLOCK)
            own.drift()
        else:
            yield own.commands(BLOCK)


def test_most_masquerades_are_found_at_five_percent_of_false_alarms(tmp_path: pathlib.Path) -> None:
    draw = np.random.default_rng(1)
    typed = np.array([np.concatenate(list(account(draw))) for _ in range(USERS)]).T
    events = [
        {
            "event_id": at * USERS + user,
            "at": 1_700_000_000_000 + at * 60_000 + user,
            "login": f"u{user}",
            "host": "h",
            "command": f"c{name}",
        }
        for at, row in enumerate(typed)
        for user, name in enumerate(row)
    ]
    file = tmp_path / "commands.jsonl"
    file.write_bytes(msgspec.json.Encoder().encode_lines(events))
    release = compile_release(1, read_texts(SAMPLE))
    outcome = Replay(release, read_history([file], release.schema), None).run(None)
    scores = np.empty(len(events))
    scores[outcome.places] = outcome.scores["model.masquerade"]
    ends = scores.reshape(typed.shape)[TRAINING + BLOCK - 1 :: BLOCK]
    is_strange = np.arange(1, BLOCKS + 1) % STRANGE == 0
    hits = (ends[is_strange] > np.quantile(ends[~is_strange], 1.0 - FALSE_ALARMS)).mean()
    print(f"{hits:.3f} of {ends[is_strange].size} masquerades at {FALSE_ALARMS:.0%} of false alarms")
    assert hits >= HITS_MIN
