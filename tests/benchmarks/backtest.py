"""CPU time of a backtest by that of a plain replay of the same events, with 3 and with 100 rules in force and one candidate.

The actions of both decisions are compared with those of two replays first.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping

import numpy as np

from deploy.command import DEMO_CONFIG
from deploy.demo.payments import Town
from features.schema.batch import Batch
from features.schema.decode import Decoder
from foundation.content_hash import content_hash
from patterns.lifecycle.manifest import MANIFEST, PATTERN_PREFIX, Standing, manifest_text
from patterns.policy import ACTIONS
from pipeline.backtest.backtest import Backtest
from pipeline.backtest.figures import Figures
from pipeline.backtest.side_by_side import side_by_side, with_candidate
from pipeline.engine.definitions.release import compile_release
from pipeline.replay.replay import Outcome, Replay
from pipeline.tables.event_files import History
from pipeline.trial.configuration_folder import read_texts

EVENTS, ROUNDS, IN_FORCE = 100_000, 3, (3, 100)
BAR = 2.0
"""Two replays, without the counting, are twice a replay: a backtest has to be cheaper."""
START_MS = 1_764_000_000_000
CANDIDATE = "title: A great amount\nowner: team\nseverity: high\nwhen: event.amount > 150.0\nthen: {action: block}\n"


def texts_with(rules: int) -> dict[str, str]:
    """The demo's configuration with so many active rules in place of its own."""
    texts = {part: text for part, text in read_texts(DEMO_CONFIG).items() if not part.startswith(PATTERN_PREFIX)}
    own = {
        f"r{at}": f"title: R\nowner: t\nseverity: low\nwhen: event.amount > {100 + at}.5\nthen: {{action: review}}\n" for at in range(rules)
    }
    standings = {id: Standing(content_hash(text), "active") for id, text in own.items()}
    return {**texts, MANIFEST: manifest_text(standings), **{PATTERN_PREFIX + id: text for id, text in own.items()}}


def history_of(texts: Mapping[str, str]) -> History:
    schema = compile_release(1, texts).schema
    town, decoder = Town(1, customers=5_000, terminals=1_000), Decoder(schema)
    events = [decoder.decode(town.payment(START_MS + 20_000 * at).encode(), START_MS + 20_000 * at) for at in range(EVENTS)]
    return History(Batch.of(events, schema))


def actions_of(outcome: Outcome) -> list[int]:
    return [outcome.actions[name] for name in ACTIONS]


def seconds_of(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def ratio_of(rules: int) -> dict[str, float]:
    texts = texts_with(rules)
    after = with_candidate(texts, {"great": CANDIDATE})
    history = history_of(texts)

    def backtest() -> Figures:
        return Backtest(side_by_side(1, texts, after), history, None).run()

    def replay(of: Mapping[str, str]) -> Outcome:
        return Replay(compile_release(1, of), history, None).run(None)

    figures = backtest()
    for decided, of in ((figures.before, texts), (figures.after, after)):
        if [counts.events for counts in decided.actions.values()] != actions_of(replay(of)):
            raise AssertionError("a backtest decides otherwise than a replay")
    rounds = [(seconds_of(backtest), seconds_of(lambda: replay(texts))) for _ in range(ROUNDS)]
    one, other = np.median(np.array(rounds), axis=0)
    return {"backtest_us": one / EVENTS * 1e6, "replay_us": other / EVENTS * 1e6, "ratio": statistics.median(a / b for a, b in rounds)}


if __name__ == "__main__":
    found = {f"{rules} rules in force": ratio_of(rules) for rules in IN_FORCE}
    print(json.dumps(found, indent=2))
    sys.exit(any(each["ratio"] > BAR for each in found.values()))
