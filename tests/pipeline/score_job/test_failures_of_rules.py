"""Decisions tell every few seconds at how many events rules erred or were skipped."""

import types

import msgspec
import numpy as np
from imitation import Imitation

from pipeline.score_job.rule_failures import RULES_MAX, TELL_MS, RuleFailures

START_MS = 1_700_000_000_000
TEXTS = {
    "schema": "{id: {field: id, type: integer}, time: {field: at, unit: ms}, user: who,"
    " fields: {amount: {type: decimal, scale: 2}, card: {type: string, required: false}}}",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}",
    "policy": "{score: first_ready(own), bands: [{action: approve}]}",
    "pattern:errs": "title: Errs\nowner: tests\nstatus: active\nwhen: 10 / int(event.amount) > 3\n",
    "pattern:skips": "title: Skips\nowner: tests\nstatus: shadow\nmissing: skip\nwhen: event.card == 'c1'\n",
    "pattern:well": "title: Well\nowner: tests\nstatus: shadow\nwhen: event.amount > 5.0\n",
}


def rules(*errors: int) -> types.SimpleNamespace:
    each = [types.SimpleNamespace(pattern=f"r{number}") for number in range(len(errors))]
    return types.SimpleNamespace(each=each, errors=np.array(errors), skips=np.zeros(len(errors), np.int64))


def test_one_decision_of_a_batch_tells_what_failed() -> None:
    job = Imitation()
    job.release(1, TEXTS)
    job.events([msgspec.json.encode({"id": id, "at": START_MS + id, "who": "u", "amount": 0.5}) for id in range(3)])
    told = [decision.get("rule_failures") for decision in job.decisions()]
    assert told == [{"errs": [3, 0], "skips": [0, 3]}, None, None]


def test_failures_are_told_once_and_not_more_often_than_every_few_seconds() -> None:
    failures, of = RuleFailures(), rules(2, 0)
    assert failures.since_told(of, 1_000_000.0) == {"r0": (2, 0)}
    of.errors[1] += 1
    assert failures.since_told(of, 1_000_000.0 + TELL_MS - 1) == {}
    assert failures.since_told(of, 1_000_000.0 + TELL_MS) == {"r1": (1, 0)}
    assert failures.since_told(of, 1_000_000.0 + 3 * TELL_MS) == {}


def test_failures_of_other_rules_are_counted_from_their_beginning() -> None:
    failures = RuleFailures()
    failures.since_told(rules(2), 1_000_000.0)
    assert failures.since_told(rules(1), 1_000_001.0) == {"r0": (1, 0)}


def test_of_very_many_rules_that_fail_those_that_do_most_often_are_told_first_and_the_others_later() -> None:
    failures, of = RuleFailures(), rules(*range(1, RULES_MAX + 2))
    assert len(told := failures.since_told(of, 1_000_000.0)) == RULES_MAX
    assert "r0" not in told
    assert failures.since_told(of, 2_000_000.0) == {"r0": (1, 0)}
