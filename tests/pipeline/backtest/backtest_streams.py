"""Random rules and streams for backtests, and what two separate replays say of them. For tests only."""

import random
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np

from features.schema.batch import Batch
from features.schema.decode import Decoder
from features.schema.schema import read_schema
from foundation.content_hash import content_hash
from patterns.lifecycle.manifest import MANIFEST, PATTERN_PREFIX, Standing, manifest_text
from patterns.policy import ACTIONS
from pipeline.engine.decisions.verdicts import REVISED, UNDECIDED
from pipeline.engine.definitions.release import compile_release
from pipeline.engine.event_keys import Labels
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import History

START_MS = 1_700_000_000_000
TEXTS = {
    "schema": (
        "{id: {field: id, type: integer}, time: {field: at, unit: ms}, user: who, entities: [device],"
        " fields: {amount: {type: decimal, scale: 2, retain: true}}, lateness: 2h, labels: {negative_after: 12h},"
        " facts: {who: {vip: boolean}}}"
    ),
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "[{name: own, kind: river, model: anomaly.GaussianScorer, scope: who, inputs: [event.amount]}]",
    "policy": "{score: first_ready(own), bands: [{below: 0.7, action: approve}, {below: 0.9, action: review}, {action: block}]}",
}
THENS = ("{action: block}", "{action: review}", "{action: approve}", "{adjust: 1.5}", "{adjust: -0.5, tag: calm}")
WHENS = (
    "when: event.amount > 5.0",
    "when: feature.count_1h > 2.0",
    "when: event.amount < 4.0 || model.own > 0.8",
    "when: event.amount >= 0.0",
    "when: event.amount / (event.amount - 3.0) > 2.0",
    "sequence: {within: 3h, steps: [{name: low, when: event.amount < 4.0}, {name: high, when: event.amount > 6.0}]}",
    "sequence: {within: 3h, steps: [{name: low, when: event.amount < 4.0, times: 2+},"
    " {name: high, when: event.amount > low.mean(event.amount)}]}",
    "sequence: {key: device, within: 3h, steps: [{name: low, when: event.amount < 4.0}, {name: high, when: event.amount > 6.0}]}",
)
HIDING = "exceptions: [{when: event.amount == 7.0, owner: a, reason: a test, expires: 2100-01-01}]\n"
BUDGET = "budget: {matches: 2, per: 3h, then: shadow}\n"


def rule_text(draw: random.Random) -> str:
    """A rule that does anything at any time."""
    severity, when, then = draw.choice(("low", "medium", "high", "critical")), draw.choice(WHENS), draw.choice(THENS)
    hiding = HIDING if draw.random() < 0.3 else ""
    budget = BUDGET if draw.random() < 0.3 else ""
    return f"title: A rule\nwhy: A test.\nowner: tests\nseverity: {severity}\n{when}\nthen: {then}\n{hiding}{budget}"


def release_texts(rules: Mapping[str, tuple[str, Standing]]) -> dict[str, str]:
    """The texts of a release with rules by id, each with what it may do."""
    texts = {PATTERN_PREFIX + id: text for id, (text, _) in rules.items()}
    return {**TEXTS, **texts, MANIFEST: manifest_text({id: standing for id, (_, standing) in rules.items()})}


def standing_of(text: str, status: Any, share: float = 1.0) -> Standing:
    """What a rule with this text may do."""
    return Standing(content_hash(text), status, share)


def history_of(draw: random.Random, count: int) -> History:
    """Events of a few users over a day and a half; some come twice, some are corrected or taken back."""
    schema = read_schema(TEXTS["schema"], "schema.yaml")
    events: list[dict[str, Any]] = []
    at_ms = START_MS
    for number in range(count):
        at_ms += draw.choice((0, 60_000, 1_200_000, 7_200_000))
        event = {"id": number, "at": at_ms, "who": f"u{draw.randrange(3)}", "amount": float(draw.randrange(10))}
        event |= {"device": f"d{draw.randrange(2)}"} if draw.random() < 0.9 else {}
        events.append(event)
        if draw.random() < 0.2:
            change = draw.choice(({}, {"op": "retract"}, {"op": "correct", "amount": float(draw.randrange(10))}))
            events.append({**draw.choice(events), **change})
    decoder = Decoder(schema)
    return History(Batch.of([decoder.decode(msgspec.json.encode(event), START_MS + 10**10) for event in events], schema))


def labels_of(draw: random.Random, history: History) -> Labels | None:
    """Labels of some of the events, and of one that is not there."""
    if draw.random() < 0.2:
        return None
    firsts = {id: row for row, id in reversed(list(enumerate(history.batch.ids)))}
    rows = sorted(row for row in firsts.values() if draw.random() < 0.5)
    keys = [int(history.batch.id_keys[row]) for row in rows] + [10**6]
    times = [int(history.batch.times_ms[row]) + 3_600_000 for row in rows] + [START_MS]
    users: list[str | None] = [history.batch.users[row] for row in rows] + ["u0"]
    order = np.argsort(times, kind="stable")
    marks = [draw.randrange(2) for _ in keys]
    return Labels(np.array(keys)[order], np.array(marks, np.int8)[order], np.array(times)[order], [users[at] for at in order.tolist()])


class Said(NamedTuple):
    """What one replay says of an event: its action, and the rules that matched, each with whether it acted."""

    user: str
    event_id: str
    time_ms: int
    amount: float
    action: str
    rules: dict[tuple[str, str], bool]


def replayed(texts: Mapping[str, str], history: History, labels: Labels | None) -> dict[int, Said]:
    """The first decisions of a replay, by the row of the event."""
    release = compile_release(1, texts)
    said: dict[int, Said] = {}
    first = 0
    for verdicts, batch in Replay(release, history, labels).scored():
        own: dict[int, dict[tuple[str, str], bool]] = {}
        for event, rule, shadow in zip(*(column.tolist() for column in verdicts.matches[:3]), strict=True):
            named = release.rules.each[rule]
            own.setdefault(event, {})[named.pattern, named.version] = not shadow
        for row in np.flatnonzero(~verdicts.are(UNDECIDED | REVISED)).tolist():
            amount = float(batch.numbers[row, 0]) / 100
            action = ACTIONS[verdicts.actions[row]]
            said[first + row] = Said(batch.users[row], batch.ids[row], int(batch.times_ms[row]), amount, action, own.get(row, {}))
        first += len(batch)
    return said
