"""Rules that mean harm, or come in too great a size, are answered, and what is in force stays as it is."""

import msgspec
import pytest
from api_imitation import TEXTS, Api, event

from patterns.matches import RULES_MAX
from pipeline.trial.one_process import OneProcess

GOOD = "title: A great amount\nowner: team\nwhen: event.amount > 100.0\nstatus: shadow\n"
HEAD = "title: t\nowner: o\n"


@pytest.fixture(autouse=True)
async def in_force(api: Api) -> None:
    """Release 1 comes from the registry, and has one rule."""
    api.in_force.release, api.in_force.texts = None, {}
    (await api.client.post("/v1/releases", json=TEXTS | {"pattern:good": GOOD})).raise_for_status()


async def refused(api: Api, rules: dict[str, str], status: int = 422) -> dict[str, str]:
    """Uploads rules together, and returns the problem; nothing that is in force may have changed."""
    before, release = dict(api.in_force.texts), api.in_force.release
    answer = await api.client.post("/v1/patterns:upload", json={"patterns": rules})
    assert answer.status_code == status, answer.text
    assert api.in_force.texts == before
    assert api.in_force.release is release
    problem: dict[str, str] = answer.json()
    return problem


ATTACKS = [
    "().__class__.__bases__[0].__subclasses__().size() > 0",
    "event.__class__ == 1",
    "event.amount.__init__.__globals__ == 1",
    "__import__('os').system('id') == 0",
    "open('/etc/passwd').read() == ''",
    "eval('1') == 1",
    "exec('1') == 1",
    "getattr(event, 'amount') > 1.0",
    "lambda: 1",
    "[x for x in [1]].size() > 0",
    "event.amount := 1",
    "event['amount'] > 1.0",
    "globals() == {}",
    "'{0.__class__}'.format(event) == ''",
    "true; import os",
    "event.amount > 1.0 # && false\n&& __builtins__",
    "std.system('id')",
    "feature.count_1h.__reduce__() == 1",
    "'\\x00' == event.nothing",
]


@pytest.mark.parametrize("attack", ATTACKS)
async def test_no_expression_reaches_what_is_not_a_value_of_the_event(api: Api, attack: str) -> None:
    text = HEAD + "when: |\n" + "".join(f"  {line}\n" for line in attack.split("\n"))
    problem = await refused(api, {"attack": text})
    assert problem["where"].startswith("patterns/attack.yaml:")


@pytest.mark.parametrize("attack", ATTACKS[:9])
async def test_no_reason_reaches_what_is_not_a_value_of_the_event(api: Api, attack: str) -> None:
    reason = msgspec.json.encode("{" + attack + "}").decode()
    await refused(api, {"attack": HEAD + f"when: event.amount > 1.0\nthen: {{reason: {reason}}}\n"})


@pytest.mark.parametrize("pattern", [r"(a)\\1", "(?=a)b", "(?<!a)b", "(?P<x>a)(?P=x)", "a{10000}", "(((a{100}){100}){100})"])
async def test_a_regular_expression_that_could_take_for_ever_is_refused(api: Api, pattern: str) -> None:
    await refused(api, {"regular": HEAD + f"when: |\n  string(event.amount).matches('{pattern}')\n"})


@pytest.mark.parametrize(
    "text",
    [
        "title: &a t\nowner: *a\nwhen: event.amount > 1.0\n",
        "a: &a [1, 1]\nb: &b [*a, *a]\nc: &c [*b, *b]\n" + HEAD + "when: event.amount > 1.0\n",
        "title: !!python/object/apply:os.system [id]\nowner: o\nwhen: event.amount > 1.0\n",
        "title: !!python/name:os.system\nowner: o\nwhen: event.amount > 1.0\n",
        "<<: {owner: o}\ntitle: t\nwhen: event.amount > 1.0\n",
        HEAD + "title: again\nwhen: event.amount > 1.0\n",
        HEAD + "when: event.amount > 1.0\n---\n" + HEAD,
        "[" * 5_000,
        "{a: " * 5_000,
        "",
        "\x00",
        "just a text",
    ],
)
async def test_yaml_that_is_more_than_values_is_refused(api: Api, text: str) -> None:
    problem = await refused(api, {"strange": text})
    assert problem["where"].startswith("patterns/strange.yaml")


async def test_rules_that_extend_each_other_are_refused_with_the_way_round(api: Api) -> None:
    problem = await refused(api, {"a": "title: a\nextends: b\n", "b": "title: b\nextends: c\n", "c": "title: c\nextends: a\n"})
    assert problem["what"] == "rules that extend each other"
    problem = await refused(api, {"a": "title: a\nextends: a\n"})
    assert problem["what"] == "rules that extend each other"


async def test_an_id_that_is_there_twice_is_refused(api: Api) -> None:
    body = b'{"patterns": {"twice": %s, "twice": %s}}' % (msgspec.json.encode(GOOD), msgspec.json.encode(GOOD))
    answer = await api.client.post("/v1/patterns:upload", content=body)
    assert answer.status_code in (400, 422)
    assert "twice" in answer.text


@pytest.mark.parametrize("id", ["Great", "../../etc/passwd", "a b", "", "a" * 64, "naïve", "a.yaml", "1a", "_a"])
async def test_an_id_that_no_file_could_have_is_refused(api: Api, id: str) -> None:
    assert (await refused(api, {id: GOOD}))["what"] == "not the id of a rule"


async def test_an_upload_is_taken_whole_or_not_at_all(api: Api) -> None:
    problem = await refused(api, {"first": GOOD, "second": GOOD.replace("amount", "amonut"), "third": GOOD})
    assert problem["where"] == "patterns/second.yaml:3:13"
    assert "did you mean event.amount?" in problem["remedy"]


async def test_a_rule_of_a_megabyte_is_answered(api: Api) -> None:
    problem = await refused(api, {"great": HEAD + "when: event.amount > 1.0\nwhy: " + "x" * 1_000_000 + "\n"})
    assert problem["where"].startswith("patterns/great.yaml:4")
    problem = await refused(api, {"great": HEAD + "when: " + " && ".join(["event.amount > 1.0"] * 50_000) + "\n"})
    assert problem["where"].startswith("patterns/great.yaml")
    answer = await api.client.put("/v1/patterns/great", content=b"x" * 1_048_577)
    assert answer.status_code == 413


async def test_a_rule_that_matches_everything_is_taken(api: Api) -> None:
    answer = await api.client.put("/v1/patterns/all", content=HEAD + "when: true || event.amount > 1.0\nstatus: shadow\n")
    assert answer.status_code == 200
    assert api.in_force.release is not None
    assert len(api.in_force.release.rules.each) == 2


async def test_a_rule_that_always_errs_costs_itself_alone_and_is_counted(api: Api) -> None:
    errs = HEAD + "when: 1 / (int(event.amount) - int(event.amount)) > 0\nstatus: shadow\n"
    (await api.client.put("/v1/patterns/errs", content=errs)).raise_for_status()
    assert api.in_force.release is not None
    job = OneProcess()
    job.release(2, api.in_force.texts)
    job.events([msgspec.json.encode(event(id, amount=500.0)) for id in range(1, 4)])
    assert [[match["pattern"] for match in each["matches"]] for each in job.decisions()] == [["good"]] * 3
    rules = job.user.definitions.newest.rules
    counted = dict(zip([rule.pattern for rule in rules.each], rules.errors.tolist(), strict=True))
    assert (counted["good"], counted["errs"] >= 3) == (0, True)  # the set of rules was tried before, and counts on


async def test_a_sequence_of_a_thousand_steps_is_answered(api: Api) -> None:
    steps = "".join(f"    - {{name: s{at}, when: event.amount > {at}.0}}\n" for at in range(1_000))
    answer = await api.client.put("/v1/patterns/long", content=HEAD + "sequence:\n  within: 1h\n  steps:\n" + steps)
    assert answer.status_code in (200, 422)
    if answer.status_code == 422:
        assert "steps" in answer.json()["expected"]


@pytest.mark.slow
async def test_more_rules_than_a_release_may_have_are_refused(api: Api) -> None:
    problem = await refused(api, {f"r{at}": GOOD for at in range(RULES_MAX)})
    assert (problem["what"], problem["expected"]) == ("too many rules", f"at most {RULES_MAX}")


@pytest.mark.slow
async def test_an_upload_of_many_rules_may_be_larger_than_that_of_one(api: Api) -> None:
    long = GOOD + "why: " + "because " * 249 + "\n"
    rules = {f"r{at}": long.replace("100.0", f"{at}.5") for at in range(600)}
    assert len(msgspec.json.encode(rules)) > 1_048_576
    answer = await api.client.post("/v1/patterns:upload", json={"patterns": rules})
    assert answer.status_code == 200, answer.text[:300]
    assert api.in_force.release is not None
    assert len(api.in_force.release.rules.each) == 601
