"""Rules in the stages: what they match, what a match does, and what a decision says of it."""

from collections.abc import Sequence

import msgspec
import pyarrow.parquet
import pytest
from imitation import Imitation

from foundation.content_hash import content_hash
from foundation.refusal import Refusal
from patterns.entries import Change, Entry
from patterns.lifecycle.manifest import Standing, manifest_text, with_manifest
from patterns.lists import DECLARATION
from patterns.matches import RULES_MAX
from pipeline.engine.definitions.release import compile_release
from pipeline.replay.replay_command import replay_files

START_MS = 1_700_000_000_000
TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [device]
facts: {who: {vip: boolean}, device: {verdict: {values: [fraud, good]}}}
fields: {amount: {type: decimal, scale: 2}, note: {type: string, required: false}}
""",
    "features": "- {name: count_1h, template: count, window: 1h}\n- {name: of_device, template: count, entity: device, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], "
    "parameters: {grace_period: 2}}",
    "policy": "{score: first_ready(own), bands: [{below: 0.99, action: approve}, {action: block}], fallback: {action: approve}}",
}


def rule(when: str, then: str = "{action: block}", **more: str) -> str:
    """The text of an active rule."""
    fields = {"title": "A rule", "why": "A test.", "owner": "tests", "severity": "medium", "status": "active"} | more
    return "".join(f"{name}: {value}\n" for name, value in fields.items()) + f"when: '{when}'\nthen: {then}\n"


class Feed:
    """Entries that a test gives."""

    def __init__(self, *changes: Change) -> None:
        self.changes = list(changes)

    def start(self) -> None:
        """Nothing waits for the entries."""

    def take(self) -> Sequence[Change]:
        taken, self.changes = self.changes, []
        return taken


def event(id: int, **more: object) -> dict[str, object]:
    return {"id": id, "at": START_MS + id, "who": "u0", "device": "d0", "amount": 1.0} | more


def decided(texts: dict[str, str], *events: dict[str, object], job: Imitation | None = None) -> list[dict[str, object]]:
    """The decisions on `events` by a release with these texts beside `TEXTS`."""
    job = Imitation() if job is None else job
    job.release(1, TEXTS | texts)
    job.events([msgspec.json.encode(each) for each in events])
    return job.decisions()


def patterns(decision: dict[str, object]) -> list[str]:
    return [match["pattern"] for match in decision["matches"]]


def test_a_rule_that_is_active_blocks_and_the_decision_says_why_with_values() -> None:
    large = rule("event.amount > 100.0", "{action: block, reason: 'an amount of {event.amount}', tag: large}")
    small, big = decided({"pattern:large": large}, event(1), event(2, amount=250.5))
    assert (small["action"], small["decided_by"], small["matches"], small["match_count"]) == ("approve", "score", [], 0)
    assert "tags" not in small
    assert (big["action"], big["decided_by"], big["match_count"]) == ("block", "block", 1)
    values = {"event.amount": 250.5}
    found = {"pattern": "large", "version": content_hash(large)[:12], "action": "block", "shadow": False, "values": values}
    assert big["matches"] == [found]
    assert (big["reasons"], big["tags"]) == (["an amount of 250.5 (large)"], ["large"])


def test_rules_read_features_of_the_user_and_of_other_entities_scores_of_models_and_facts() -> None:
    texts = {
        "pattern:often": rule("feature.count_1h >= 3.0"),
        "pattern:shared": rule("feature.of_device >= 3.0"),
        "pattern:odd": rule("model.own > 0.9"),
        "pattern:known": rule('entity.who.vip && entity.device.verdict == "good"', "{action: review}"),
    }
    job = Imitation()
    job.release(1, TEXTS)
    job.facts([("who", "u1", "vip", {"kind": "who", "entity": "u1", "name": "vip", "value": True, "since": START_MS})], "who")
    good = {"kind": "device", "entity": "d0", "name": "verdict", "value": "good", "since": START_MS}
    job.facts([("device", "d0", "verdict", good)], "who")
    events = [event(1), event(2), event(3, who="u1"), event(4, device="d1"), event(5, device="d1", amount=900.0)]
    found = decided(texts, *events, job=job)
    assert [patterns(decision) for decision in found] == [[], [], ["shared", "known"], ["often"], ["odd", "often"]]


def test_a_rule_asks_lists_whose_entries_the_stage_has_read() -> None:
    job = Imitation(entries=Feed(Change("stolen", "d1", Entry("stolen", "d1"))))
    texts = {"pattern:listed": rule("event.device in list.stolen"), "list:stolen": DECLARATION}
    found = decided(texts, event(1), event(2, device="d1"), job=job)
    assert [decision["action"] for decision in found] == ["approve", "block"]


def test_the_first_in_the_order_decides_and_of_rules_with_one_action_the_severest_is_named_first() -> None:
    texts = {
        "pattern:a_review": rule("event.amount > 1.0", "{action: review}", severity="critical"),
        "pattern:b_block": rule("event.amount > 2.0", severity="low"),
        "pattern:c_block": rule("event.amount > 3.0", severity="high"),
    }
    found = decided(texts, event(1), event(2, amount=2.0), event(3, amount=3.0), event(4, amount=4.0))
    assert [decision["decided_by"] for decision in found] == ["score", "review", "block", "block"]
    assert [patterns(decision) for decision in found] == [[], ["a_review"], ["b_block", "a_review"], ["c_block", "b_block", "a_review"]]


POLICY = "{{score: first_ready(own), bands: [{{action: {band}}}], fallback: {{action: {band}}}{more}}}"


@pytest.mark.parametrize(
    ("band", "more", "action", "by"),
    [
        ("block", "", "review", "review"),
        ("block", ", order: strongest", "block", "score"),
        ("approve", ", order: strongest", "review", "review"),
        ("review", ", order: strongest", "review", "review"),
        ("block", ", order: [block, score]", "block", "score"),
        ("block", ", order: [verdict, allow_lists, approve, review, block, score]", "review", "review"),
    ],
)
def test_an_action_of_a_rule_meets_the_band_of_the_score_as_the_policy_says(band: str, more: str, action: str, by: str) -> None:
    texts = {"policy": POLICY.format(band=band, more=more), "pattern:r": rule("true || event.amount > 1.0", "{action: review}")}
    [decision] = decided(texts, event(1))
    assert (decision["action"], decision["decided_by"]) == (action, by)


def test_a_verdict_decides_before_allow_lists_and_these_before_rules() -> None:
    more = ", verdicts: {entity.device.verdict: {fraud: block, good: approve}}, allow_lists: {trusted: event.who}"
    texts = {"policy": POLICY.format(band="review", more=more), "list:trusted": DECLARATION, "pattern:all": rule("event.amount > 0.0")}
    job = Imitation(entries=Feed(Change("trusted", "u1", Entry("trusted", "u1"))))
    job.release(1, TEXTS | texts)
    fraud = {"kind": "device", "entity": "d1", "name": "verdict", "value": "fraud", "since": START_MS}
    job.facts([("device", "d1", "verdict", fraud)], "who")
    events = [event(1), event(2, who="u1"), event(3, who="u1", device="d1")]
    found = decided(texts, *events, job=job)
    assert [(decision["action"], decision["decided_by"]) for decision in found] == [
        ("block", "block"),
        ("approve", "allow_lists"),
        ("block", "verdict"),
    ]
    assert found[1]["reasons"] == ["event.who is on the list trusted"]
    assert found[2]["reasons"] == ["entity.device.verdict decides"]
    assert all(patterns(decision) == ["all"] for decision in found)


def test_a_verdict_may_be_a_truth_value() -> None:
    more = ', verdicts: {entity.who.vip: {"true": approve}}'
    texts = {"policy": POLICY.format(band="review", more=more)}
    job = Imitation()
    job.release(1, TEXTS | texts)
    job.facts([("who", "u1", "vip", {"kind": "who", "entity": "u1", "name": "vip", "value": True, "since": START_MS})], "who")
    assert [each["decided_by"] for each in decided(texts, event(1), event(2, who="u1"), job=job)] == ["score", "verdict"]


def test_a_score_that_somebody_has_set_takes_the_place_of_the_models_until_it_expires() -> None:
    policy = "score: first_ready(own)\nbands: [{below: 0.9, action: approve}, {action: block}]\noverride: entity.who.limit\n"
    schema = TEXTS["schema"].replace("vip: boolean", "limit: number")
    texts = {"policy": policy, "schema": schema, "pattern:more": rule("event.amount == 1.5", "{adjust: 1.5}")}
    job = Imitation()
    job.release(1, TEXTS | texts)
    told = {"kind": "who", "entity": "u1", "name": "limit", "value": 0.95, "since": START_MS, "expires": START_MS + 5}
    job.facts([("who", "u1", "limit", told)], "who")
    found = decided(texts, event(1), event(2, who="u1"), event(3, who="u1", amount=1.5), event(9, who="u1"), job=job)
    assert [each["decided_by"] for each in found] == ["score", "override", "override", "score"]
    assert [each["score"] == 0.95 for each in found] == [False, True, True, False]
    assert (found[1]["action"], found[1]["reasons"][0]) == ("block", "entity.who.limit sets the score")


def test_an_event_that_is_retracted_is_decided_by_that_whatever_was_said_of_its_entity() -> None:
    more = ', verdicts: {entity.who.vip: {"true": approve}}'
    texts = {"policy": POLICY.format(band="review", more=more)}
    job = Imitation()
    job.release(1, TEXTS | texts)
    job.facts([("who", "u1", "vip", {"kind": "who", "entity": "u1", "name": "vip", "value": True, "since": START_MS})], "who")
    found = decided(texts, event(1, who="u1"), event(1, who="u1") | {"op": "retract"}, job=job)
    assert [each["decided_by"] for each in found] == ["verdict", "retraction"]


def test_matches_that_adjust_the_score_multiply_its_tail_and_the_band_follows() -> None:
    events = [event(1), event(2), event(3, amount=2.0), event(4, amount=1.5)]
    plain = decided({}, *events)
    texts = {
        "pattern:more": rule("event.amount == 1.5", "{adjust: 1.5}"),
        "pattern:less": rule("event.amount == 1.5", "{adjust: -0.5}"),
        "pattern:watched": rule("event.amount == 1.5", "{adjust: 6.0}", status="shadow"),
    }
    moved = decided(texts, *events)
    assert [decision["score"] for decision in moved[:3]] == [decision["score"] for decision in plain[:3]]
    assert moved[3]["score"] == pytest.approx(1.0 - (1.0 - plain[3]["score"]) / 10.0)
    assert moved[3]["models"] == plain[3]["models"]


def test_an_exception_hides_a_match_until_it_expires_and_the_decision_says_which_did() -> None:
    ends = "2023-11-14T22:13:20.003Z"
    exceptions = '[{when: event.note == "x", owner: ana, reason: T-90, expires: 2000-01-02}, '
    exceptions += f"{{when: event.note == \"test\", owner: ana, reason: T-91, expires: '{ends}'}}]"
    texts = {"pattern:all": rule("event.amount > 0.0", exceptions=exceptions)}
    found = decided(texts, event(1, note="test"), event(2, note="x"), event(3, note="test"), event(4))
    assert [decision["action"] for decision in found] == ["approve", "block", "block", "block"]
    version = content_hash(texts["pattern:all"])[:12]
    assert found[0]["hidden"] == [{"pattern": "all", "version": version, "exception": 1}]
    assert found[0]["match_count"] == 0
    assert all("hidden" not in decision for decision in found[1:])


def test_a_rule_is_in_force_from_the_first_moment_of_its_time_and_before_the_last() -> None:
    effective = "{from: '2023-11-14T22:13:20.002Z', to: '2023-11-14T22:13:20.004Z'}"
    found = decided({"pattern:all": rule("event.amount > 0.0", effective=effective)}, *map(event, range(1, 6)))
    assert [decision["match_count"] for decision in found] == [0, 1, 1, 0, 0]


def standing(text: str, status: str, share: float = 1.0) -> Standing:
    return msgspec.convert({"hash": content_hash(text), "status": status, "share": share}, Standing)


@pytest.mark.parametrize(
    ("status", "share", "count", "action"),
    [
        ("draft", 1.0, 0, "approve"),
        ("shadow", 1.0, 1, "approve"),
        ("canary", 1.0, 1, "block"),
        ("canary", 1e-9, 1, "approve"),
        ("active", 1.0, 1, "block"),
        ("paused", 1.0, 0, "approve"),
        ("retired", 1.0, 0, "approve"),
    ],
)
def test_the_manifest_and_not_the_text_says_what_a_rule_may_do(status: str, share: float, count: int, action: str) -> None:
    text = rule("event.amount > 0.0")
    [decision] = decided({"pattern:all": text, "patterns": manifest_text({"all": standing(text, status, share)})}, event(1))
    assert (decision["match_count"], decision["action"]) == (count, action)
    assert [match["shadow"] for match in decision["matches"]] == [action == "approve"] * count


def test_a_canary_acts_for_a_share_of_the_users_and_a_greater_share_keeps_them_under_any_text() -> None:
    events = [event(number, who=f"u{number}") for number in range(400)]
    acting: list[set[str]] = []
    for share, when in ((0.1, "event.amount > 0.0"), (0.3, "event.amount > 0.5"), (0.3, "event.amount > 0.0")):
        text = rule(when)
        found = decided({"pattern:all": text, "patterns": manifest_text({"all": standing(text, "canary", share)})}, *events)
        acting.append({str(decision["user"]) for decision in found if decision["action"] == "block"})
        assert all(decision["match_count"] == 1 for decision in found)
    assert 20 <= len(acting[0]) <= 60
    assert 90 <= len(acting[1]) <= 150
    assert acting[0] < acting[1] == acting[2]


def test_an_upload_keeps_the_standing_of_known_rules_and_lets_new_ones_watch_at_most() -> None:
    known, changed, new = rule("event.amount > 1.0"), rule("event.amount > 2.0"), rule("event.amount > 3.0")
    first = with_manifest(TEXTS | {"pattern:known": known}, {}, first=True)
    before = {"known": standing(known, "canary", 0.25)}
    after = with_manifest(first | {"pattern:known": changed, "pattern:new": new}, before, first=False)
    assert compile_release(1, first).rules.each[0].pattern == "known"
    assert msgspec.json.decode(first["patterns"])["known"]["status"] == "active"
    standings = msgspec.json.decode(after["patterns"])
    assert standings["known"] == {"hash": content_hash(changed), "status": "canary", "share": 0.25}
    assert standings["new"] == {"hash": content_hash(new), "status": "shadow"}


@pytest.mark.parametrize(
    ("manifest", "what"),
    [
        ("{", "bad manifest of rules"),
        ('{"all": {"hash": "x", "status": "on"}}', "bad manifest of rules"),
        ('{"all": {"hash": "x", "status": "active"}}', "manifest of another text"),
        ("{}", "manifest of other rules"),
        ('{"other": {"hash": "x", "status": "active"}}', "manifest of other rules"),
    ],
)
def test_a_manifest_that_does_not_fit_the_rules_is_refused(manifest: str, what: str) -> None:
    with pytest.raises(Refusal) as caught:
        compile_release(1, TEXTS | {"pattern:all": rule("event.amount > 0.0"), "patterns": manifest})
    assert caught.value.what == what


@pytest.mark.parametrize(
    ("policy", "what"),
    [
        (", order: [score, block]", "word after the score"),
        (", order: [block, review]", "order without the score"),
        (", order: [block, block, score]", "word given twice"),
        (", order: [blok, score]", "unknown value"),
        (", order: weakest", "unknown value"),
        (", override: entity.who.vip", "not a fact that is a number"),
        (", verdicts: {entity.device.verdit: {fraud: block}}", "unknown fact"),
        (", verdicts: {entity.device.verdict: {evil: block}}", "not a value of entity.device.verdict"),
        (", verdicts: {entity.device.verdict: {fraud: stop}}", "unknown value"),
        (", allow_lists: {trusted: event.amount}", "not an id or a text of the event"),
        (", allow_lists: {others: event.who}", "unknown list"),
    ],
)
def test_a_policy_that_lets_nobody_decide_in_that_way_is_refused_with_its_place(policy: str, what: str) -> None:
    texts = {"policy": POLICY.format(band="review", more=policy), "list:trusted": DECLARATION}
    with pytest.raises(Refusal) as caught:
        compile_release(1, TEXTS | texts)
    assert caught.value.what == what
    assert caught.value.where.startswith("policy.yaml:1:")


def test_a_rule_that_asks_an_unknown_list_is_refused_with_its_place() -> None:
    with pytest.raises(Refusal, match=r"patterns/all\.yaml:6:29: unknown list"):
        compile_release(1, TEXTS | {"pattern:all": rule("event.device in list.stolen")})


def test_a_repeated_event_is_told_the_rules_that_decided_and_not_those_in_shadow() -> None:
    texts = {"pattern:a": rule("event.amount > 0.0"), "pattern:b": rule("event.amount > 0.0", status="shadow")}
    job = Imitation()
    decided(texts, event(1), job=job)
    job.events([msgspec.json.encode(event(1))], reply="api-1")
    [reply] = [msgspec.json.decode(value) for _, value in job.out["R"]]
    assert (reply["action"], reply["flags"], reply["reasons"]) == ("block", ["duplicate"], ["rule a matched"])


def test_a_replay_of_a_folder_with_rules_says_which_events_they_matched_and_what_each_did(tmp_path, capsys) -> None:
    texts = TEXTS | {
        "pattern:large": rule("event.amount > 5.0"),
        "pattern:seen": rule("event.amount > 0.0", status="shadow"),
        "pattern:later": rule("event.amount > 0.0", status="draft"),
        "pattern:errs": rule("10 / (int(event.amount) - 1) > 100"),
    }
    (tmp_path / "config" / "patterns").mkdir(parents=True)
    for part, text in texts.items():
        name = f"patterns/{part.removeprefix('pattern:')}" if part.startswith("pattern:") else part
        (tmp_path / "config" / f"{name}.yaml").write_text(text)
    events = [event(1, label=0), event(2, amount=9.0, label=1), event(3, amount=7.0, label=0), event(4, label=0)]
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(msgspec.json.encode(each) for each in events))
    replay_files([tmp_path / "events.jsonl"], tmp_path / "config", out=tmp_path, label_column="label", label_delay_ms=1)
    rows = pyarrow.parquet.read_table(tmp_path / "decisions.parquet").to_pylist()
    assert [row["matches"] for row in rows] == [["seen"], ["large", "seen"], ["large", "seen"], ["seen"]]
    assert [row["action"] for row in rows] == ["approve", "block", "block", "approve"]
    shown = capsys.readouterr().out
    assert "large  2 matches, 2 of them acted  precision 0.5000" in shown
    assert "seen  4 matches, 0 of them acted  precision 0.2500" in shown
    assert "errs  0 matches, 0 of them acted  erred at 2 events" in shown
    assert "later" not in shown


def test_a_rule_that_errs_costs_no_other_rule_and_is_counted() -> None:
    texts = {
        "pattern:errs": rule("10 / int(event.amount) > 3"),
        "pattern:fine": rule("event.amount >= 0.0", "{action: review}"),
        "pattern:skipped": rule('event.note == "x"', missing="skip"),
    }
    release = compile_release(7, TEXTS | texts)
    found = decided(texts, event(1, amount=0.0), event(2, amount=2.0, note="y"))
    assert [patterns(decision) for decision in found] == [["fine"], ["errs", "fine"]]
    each = zip(release.rules.each, release.rules.errors.tolist(), release.rules.skips.tolist(), strict=True)
    counts = {rule.pattern: (errors, skips) for rule, errors, skips in each}
    assert counts == {"errs": (1, 0), "fine": (0, 0), "skipped": (0, 1)}


def test_a_release_has_at_most_so_many_rules_as_a_decision_can_remember() -> None:
    one = rule("event.amount > 0.0")
    with pytest.raises(Refusal, match="too many rules: expected at most 10000, got 10001"):
        compile_release(1, TEXTS | {f"pattern:r{number}": one for number in range(RULES_MAX + 1)})


def test_of_many_matches_of_one_event_33_are_named_and_the_one_that_decides_is_among_them() -> None:
    texts = {f"pattern:r{number}": rule("event.amount > 0.0", "{action: review}", severity="critical") for number in range(40)}
    texts["pattern:z_decides"] = rule("event.amount > 0.0", severity="low")
    [decision] = decided(texts, event(1))
    assert (decision["decided_by"], decision["match_count"], len(decision["matches"])) == ("block", 41, 33)
    assert patterns(decision)[0] == "z_decides"
