"""What a rule did is told over HTTP, bounds of its promotion are checked before it acts, and its alerts are snoozed."""

import httpx
import msgspec
import pytest
from api_imitation import TEXTS, Api

from foundation.content_hash import content_hash
from pipeline.backtest.figures import LabelCoverage, Span
from pipeline.backtest.summary import RuleSummary, Summary
from stores.casework.alerts import OF_SNOOZE, AlertWork, Suppression
from stores.effects import HOUR_MS, CountedMatch, GivenLabel, Work
from stores.jobs import JobOutcome, JobRequest, QueueBounds, new_job_id
from stores.offsets import Progress

DAY_MS = 24 * HOUR_MS
NOW_MS = 20_000 * DAY_MS
PLAIN = "title: A great amount\nowner: team\nwhen: event.amount > 100.0\nthen: {action: block}\nstatus: shadow\n"
RULE = PLAIN + (
    "promote: {matches_at_most: 1%, precision_at_least: 50%}\n"
    "exceptions:\n- {when: event.amount > 900.0, owner: ana, reason: T-1, expires: 2100-01-01}\n"
    "- {when: event.amount > 800.0, owner: bob, reason: T-2, expires: 2100-01-01}\n"
)
VERSION = content_hash(RULE)[:12]


class Past:
    """What the effects job has counted."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._read = 0
        self._events = 0

    def note(self, **what: object) -> None:
        work = Work(Progress({"decisions/0": self._read} if self._read else {}, {"decisions/0": self._read + 1}), newest_ms=NOW_MS)
        self._read += 1
        for name, value in what.items():
            setattr(work, name, value)
        self.api.effects.apply(work, NOW_MS)

    def decided(self, count: int, release: int = 2, at_ms: int = NOW_MS) -> None:
        self.note(decided={(release, at_ms // HOUR_MS * HOUR_MS): count})

    def matches(self, count: int, fraud: int = 0, good: int = 0, release: int = 2, at_ms: int = NOW_MS, **more: object) -> None:
        """Matches, of which the first `fraud` are labelled as that, and the next `good` as none."""
        found = {"pattern": "great", "version": VERSION, "shadow": True, "asks": "block", "action": "approve", "decided": False} | more
        keys = [f"e{self._events + number}" for number in range(count)]
        self._events += count
        shared = {"user": "u", "event_id": "1", "revision": 0, "alone": True, "release": release, "at_ms": at_ms, "newest_ms": NOW_MS}
        labels = [GivenLabel(key, "analyst", int(number < fraud), 5) for number, key in enumerate(keys[: fraud + good])]
        self.note(matches=[CountedMatch(event=key, **shared | found) for key in keys], labels=labels)  # type: ignore[arg-type]


@pytest.fixture
async def past(api: Api) -> Past:
    api.in_force.release, api.in_force.texts = None, {}
    (await api.client.post("/v1/releases", json=TEXTS)).raise_for_status()
    (await api.client.put("/v1/patterns/great", content=RULE)).raise_for_status()
    return Past(api)


async def report(past: Past, **query: object) -> dict[str, object]:
    answer = await past.api.client.get("/v1/patterns/great/report", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


async def say(past: Past, verb: str = "activate", **body: object) -> httpx.Response:
    return await past.api.client.post(f"/v1/patterns/great:{verb}", json=body)


async def test_a_report_tells_the_rate_what_would_have_been_done_the_overlap_and_the_precision(past: Past) -> None:
    past.decided(1_000)
    past.decided(1_000, at_ms=NOW_MS - DAY_MS)
    past.matches(6, fraud=3, good=1)
    past.matches(2, action="block", alone=False, at_ms=NOW_MS - DAY_MS)
    past.matches(1, pattern="other")
    shared = {
        "user": "u",
        "event_id": "1",
        "revision": 0,
        "version": VERSION,
        "release": 2,
        "shadow": True,
        "asks": "block",
        "action": "approve",
    }
    both = shared | {"decided": False, "alone": True, "at_ms": NOW_MS, "newest_ms": NOW_MS, "event": "same"}
    past.note(matches=[CountedMatch(pattern=id, **both) for id in ("great", "other")])  # type: ignore[arg-type]
    found = await report(past)
    assert (found["events"], found["matches"], found["share"], found["acted"]) == (2_000, 9, 0.0045, 0)
    assert (found["asks"], found["actions"], found["changed"], found["alone"]) == ("block", {"approve": 7, "block": 2}, 7, 7)
    assert found["labels"] == {"fraud": 3, "good": 1, "precision": 0.75}
    assert found["reviewed"] == {"fraud": 3, "legitimate": 1, "precision": 0.75, "false_positive_rate": 0.25}
    assert found["overlaps"] == [{"pattern": "other", "both": 1, "share": 1 / 9}]
    assert [(day["events"], day["matches"]) for day in found["days"]] == [(1_000, 2), (1_000, 7)]
    assert (await report(past, days=1))["events"] == 1_000
    assert (await past.api.client.get("/v1/patterns/nobody/report")).status_code == 404


async def test_reports_on_several_rules_are_those_on_each_in_the_order_asked_for(past: Past) -> None:
    (await past.api.client.put("/v1/patterns/more", content=f"extends: great\n{RULE}")).raise_for_status()
    (await past.api.client.put("/v1/patterns/plain", content=PLAIN.replace("100.0", "50.0"))).raise_for_status()
    past.decided(900)
    past.decided(300, release=4)
    past.matches(4, fraud=2, good=1)
    past.matches(3, pattern="more", good=2, release=4, exception=1)
    past.matches(2, pattern="plain", alone=False, release=4)
    ids = ["plain", "great", "more"]
    answer = await past.api.client.get("/v1/patterns:reports", params={"id": [*ids, "plain"], "days": 9})
    alone = [(await past.api.client.get(f"/v1/patterns/{id}/report", params={"days": 9})).json() for id in ids]
    assert answer.json() == {"reports": alone}
    assert [(each["pattern"], each["events"], each["releases"]) for each in alone] == [
        ("plain", 300, [4]), ("great", 1_200, [2, 4]), ("more", 300, [4]),
    ]  # fmt: skip
    wrong: list[list[str]] = [["great", "no"], ["great"] * 101, []]
    refused = [await past.api.client.get("/v1/patterns:reports", params={"id": ids}) for ids in wrong]
    assert [each.status_code for each in refused] == [404, 422, 422]


async def test_only_releases_with_the_same_text_that_watch_the_rule_are_counted(past: Past) -> None:
    past.decided(5_000)
    past.matches(5)
    assert (await say(past, "pause")).json()["release"] == 3
    past.decided(700, release=3)
    assert (await say(past, "shadow")).json()["release"] == 4
    past.decided(50, release=4)
    assert (await report(past))["events"] == 5_050
    (await past.api.client.put("/v1/patterns/great", content=RULE.replace("100.0", "50.0"))).raise_for_status()
    past.decided(30, release=5)
    found = await report(past)
    assert (found["events"], found["matches"], found["releases"]) == (30, 0, [5])


async def test_a_rule_acts_only_where_its_bounds_are_kept_and_the_refusal_says_what_was_measured_and_what_is_needed(past: Past) -> None:
    for verb in ("canary", "activate"):
        refused = await say(past, verb)
        assert refused.status_code == 409
        assert "at least 1,000 events have to be decided while the rule is watched, and 0 were" in refused.json()["needed"]
    past.decided(1_000)
    past.matches(11, fraud=4, good=4)
    refused = (await say(past)).json()
    assert refused["measured"] == {"events": 1_000, "matches": 11, "fraud": 4, "good": 4}
    assert refused["needed"] == [
        "at least 20 of the rule's matches need a label, and 8 have one",
        "the rule may match at most 1 % of the events, and matched 11 of 1,000, which is 1.1 %",
    ]
    past.decided(9_000)
    past.matches(12, fraud=6, good=6)
    assert (await report(past))["promotion"] == {"met": True, "needed": []}
    assert (await say(past, "canary")).status_code == 200
    past.matches(5, good=5)
    assert (await say(past)).status_code == 409, "the precision has fallen below its bound since"


async def test_an_override_needs_a_reason_and_stands_in_the_audit_log(past: Past) -> None:
    assert (await say(past, override=True)).status_code == 409
    assert (await say(past, override=True, reason=" ")).status_code == 409
    assert (await say(past, override=True, reason="an attack is under way")).status_code == 200
    [entry, *_] = (await past.api.client.get("/v1/audit")).json()["entries"]
    assert "bounds overridden (at least 1,000 events" in entry["subject"]
    assert entry["subject"].endswith("): an attack is under way")
    made = (await past.api.client.post("/v1/tokens", json={"name": "ann", "roles": ["author"]})).json()["token"]
    answer = await past.api.client.post(
        "/v1/patterns/great:activate", json={"override": True, "reason": "x"}, headers={"authorization": f"Bearer {made}"}
    )
    assert answer.status_code == 403


async def test_a_rule_without_bounds_acts_whatever_was_measured_and_one_that_acts_for_all_may_act_for_fewer(past: Past) -> None:
    (await past.api.client.put("/v1/patterns/great", content=PLAIN)).raise_for_status()
    assert (await say(past)).status_code == 200
    (await past.api.client.put("/v1/patterns/great", content=RULE)).raise_for_status()
    assert (await say(past, "canary", share=0.5)).status_code == 200
    assert (await say(past, "canary", share=0.9)).status_code == 409


async def test_totals_count_the_matches_of_all_texts_and_come_by_how_many_there_are(past: Past) -> None:
    past.matches(2)
    past.matches(3, pattern="gone", shadow=False, version="of another text")
    totals = (await past.api.client.get("/v1/patterns:totals")).json()["patterns"]
    gone = {"id": "gone", "acted": 3, "watched": 0, "hidden": 0, "alone": 3}
    assert totals == [gone, {"id": "great", "acted": 0, "watched": 2, "hidden": 0, "alone": 2}]


async def test_exceptions_come_by_how_often_they_hid_a_match_with_what_is_said_of_them(past: Past) -> None:
    past.matches(1, exception=0)
    past.matches(3, exception=1)
    past.matches(9, exception=0, version="before")
    past.matches(2, exception=0, pattern="gone")
    found = (await past.api.client.get("/v1/patterns:exceptions")).json()["exceptions"]
    assert [(each["pattern"], each["hidden"], each["owner"], each["reason"]) for each in found] == [
        ("great", 9, None, None),
        ("great", 3, "bob", "T-2"),
        ("gone", 2, None, None),
        ("great", 1, "ana", "T-1"),
    ]
    own = (await past.api.client.get("/v1/patterns/great/exceptions")).json()["exceptions"]
    assert [each["hidden"] for each in own] == [9, 3, 1]


async def test_what_silenced_the_alerts_of_a_rule_is_told_with_its_snoozes(past: Past) -> None:
    found = [
        Suppression("great", "k1", {"customer": "c1"}, "e1", 5, 3_600_005, 4),
        Suppression("great", OF_SNOOZE + "s1", {}, "", 7, 9, 6),
        Suppression("other", "k1", {"customer": "c1"}, "e1", 5, 3_600_005, 4),
    ]
    past.api.alerts.write(AlertWork((), (), (), (), suppressions=found))
    told = (await past.api.client.get("/v1/patterns/great/snoozes")).json()["suppressions"]
    assert told == [
        {"snooze": "s1", "fields": {}, "since_ms": 7, "until_ms": 9, "silenced": 6},
        {"snooze": "", "fields": {"customer": "c1"}, "since_ms": 5, "until_ms": 3_600_005, "silenced": 4},
    ]


async def test_alerts_of_a_rule_are_snoozed_for_a_while_and_the_snooze_is_lifted(past: Past) -> None:
    client = past.api.client
    made = await say(past, "snooze", **{"for": "8h", "by": {"customer": "c1"}, "comment": "known"})
    assert made.status_code == 200, made.text
    assert (made.json()["until_ms"] - made.json()["from_ms"], made.json()["by"], made.json()["holds"]) == (8 * HOUR_MS, "owner", True)
    past.api.now_ms += 1_000
    whole = (await say(past, "snooze", **{"for": "1m", "comment": "all"})).json()
    shown = (await client.get("/v1/patterns/great/snoozes")).json()["snoozes"]
    assert [(each["comment"], each["fields"]) for each in shown] == [("all", {}), ("known", {"customer": "c1"})]
    past.api.now_ms += 60_000
    shown = (await client.get("/v1/patterns/great/snoozes")).json()["snoozes"]
    assert [each["holds"] for each in shown] == [False, True]
    lifted = (await client.delete(f"/v1/patterns/great/snoozes/{made.json()['id']}")).json()
    assert (lifted["holds"], lifted["lifted_by"]) == (False, "owner")
    assert (await client.delete(f"/v1/patterns/great/snoozes/{whole['id']}")).json()["lifted_by"] == ""
    assert (await client.delete("/v1/patterns/great/snoozes/none")).status_code == 404
    assert past.api.in_force.release is not None
    assert past.api.in_force.release.id == 2, "a snooze changes no release"


@pytest.mark.parametrize(
    "body",
    [
        {"for": "8 hours", "comment": "x"},
        {"for": "91d", "comment": "x"},
        {"for": "8h", "comment": ""},
        {"for": "8h", "comment": "x", "by": {"nobody": "1"}},
        {"for": "8h'\nfor: 9h", "comment": "x"},
        {"comment": "x"},
    ],
)
async def test_a_snooze_that_cannot_be_is_refused(past: Past, body: dict[str, object]) -> None:
    assert (await say(past, "snooze", **body)).status_code == 422


def backtested(past: Past, matches: int, fraud: int, good: int, events: int = 5_000, text: str = RULE) -> None:
    """A backtest of the rule that is done, a millisecond after what was before: ids of one millisecond have no order."""
    past.api.now_ms += 1
    found = Summary(
        release=1,
        span=Span(None, None, 0, 1, events, 0),
        labels=LabelCoverage(fraud, good, 0, 0, 1, 0),
        refused=0,
        rules=[RuleSummary("great", content_hash(text), content_hash(text), "candidate", matches, fraud, good, None, None, [])],
        flips=[],
        good_stopped={},
        value_of="",
        remarks=[],
        not_simulated=[],
    )
    jobs, now_ms = past.api.jobs, past.api.now_ms
    id = jobs.add(new_job_id(now_ms), JobRequest("backtest", "{}", "ann", now_ms), QueueBounds(9, 9)).id
    job = jobs.take("w", ("backtest",), now_ms, now_ms + 1_000)
    assert job is not None
    assert jobs.finish(id, job.attempt, JobOutcome("done", msgspec.json.encode(found).decode()), now_ms, now_ms + 1_000)


async def test_a_backtest_of_the_same_text_counts_where_too_little_is_known_of_the_rule_itself(past: Past) -> None:
    backtested(past, 40, 30, 5, text=PLAIN)
    assert (await say(past)).status_code == 409
    backtested(past, 400, 30, 5)
    assert (await say(past)).json()["needed"] == ["the rule may match at most 1 % of the events, and matched 400 of 5,000, which is 8 %"]
    backtested(past, 40, 30, 5)
    assert (await say(past)).status_code == 200


async def test_a_backtest_does_not_outweigh_what_the_rule_did_itself(past: Past) -> None:
    past.decided(1_000)
    past.matches(40, fraud=20, good=10)
    backtested(past, 40, 30, 5)
    assert (await say(past)).status_code == 409
