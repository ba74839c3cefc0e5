"""weir check reads the rules of a folder, says what each costs, and says everything that is wrong with them at once."""

import pathlib
import re
import shutil

import pytest
from click.testing import CliRunner, Result

from deploy.command import SAMPLES, main
from pipeline.engine.definitions.release import schema_of
from pipeline.trial.configuration_folder import read_texts
from pipeline.trial.rule_tests import run_rule_tests
from pipeline.trial.rules_read import cost_lines, read_rules

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "patterns.md"
RULE = "title: t\nowner: o\nstatus: shadow\nwhen: event.amount > 1.0\n"


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "config"
    shutil.copytree(SAMPLES / "payments", folder)
    shutil.rmtree(folder / "patterns", ignore_errors=True)
    (folder / "patterns").mkdir()
    (folder / "lists").mkdir(exist_ok=True)
    (folder / "lists" / "watched_devices.txt").touch()
    return folder


def check(folder: pathlib.Path) -> Result:
    return CliRunner().invoke(main, ["check", str(folder)])


def test_rules_without_sequence_and_threshold_are_accepted_with_their_costs(folder: pathlib.Path) -> None:
    (folder / "patterns" / "large.yaml").write_text(RULE)
    result = check(folder)
    assert result.exit_code == 0, result.output
    assert re.search(r"^rule large costs an event at most \d+ ns of CPU$", result.output, re.MULTILINE)


def test_what_may_not_be_meant_is_warned_of(folder: pathlib.Path) -> None:
    (folder / "patterns" / "all.yaml").write_text(RULE.replace("event.amount > 1.0", '"true"'))
    with (folder / "models.yaml").open("a") as models:
        models.write("- {name: crossed, model: linear_model.CrossedLogisticRegression, learns: labels, inputs: [event.amount]}\n")
    result = check(folder)
    assert result.exit_code == 0, result.output
    assert "warning: patterns/all.yaml:4:8: true reads nothing of the event" in result.output
    assert "warning: models.yaml: model crossed: without edges the bins of event.amount are cut" in result.output


@pytest.mark.parametrize(
    ("order", "action", "is_warned"),
    [("", "review", True), ("", "block", False), ("", "approve", False), ("order: strongest", "review", False),
     ("order: [block, review, score]", "review", False)],
)  # fmt: skip
def test_a_rule_that_reviews_before_a_score_that_blocks_is_warned_of_unless_the_order_is_written(
    folder: pathlib.Path, order: str, action: str, is_warned: bool
) -> None:
    policy = (folder / "policy.yaml").read_text().replace("order: strongest", order)
    (folder / "policy.yaml").write_text(policy)
    (folder / "patterns" / "large.yaml").write_text(RULE + f"then: {{action: {action}}}\n")
    result = check(folder)
    assert result.exit_code == 0, result.output
    assert ("warning: policy.yaml: rules that ask for review (large) speak before a score that blocks" in result.output) == is_warned


def test_all_that_is_wrong_with_the_rules_is_said_at_once(folder: pathlib.Path) -> None:
    (folder / "patterns" / "one.yaml").write_text(RULE.replace("amount", "amuont"))
    (folder / "patterns" / "two.yaml").write_text(RULE + "severity: hihg\n")
    (folder / "patterns" / "good.yaml").write_text(RULE)
    result = check(folder)
    assert result.exit_code == 2
    assert result.output.count("weir: patterns/one.yaml:4:13: unknown name") == 1
    assert result.output.count("weir: patterns/two.yaml:5:11: unknown value") == 1
    assert "Traceback" not in result.output


@pytest.mark.parametrize("place", ["large.yml", "cards/large.yaml", "cards/more/large.yaml"])
def test_a_rule_where_nothing_would_read_it_is_refused(folder: pathlib.Path, place: str) -> None:
    file = folder / "patterns" / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(RULE)
    result = check(folder)
    assert result.exit_code == 2
    assert f"{file}: rule that is not read" in result.output


def test_the_rules_of_the_page_are_read_with_their_costs(folder: pathlib.Path) -> None:
    for id, text in re.findall(r"```yaml\n# patterns/(\w+)\.yaml\n(.*?)```", PAGE.read_text(), re.DOTALL):
        (folder / "patterns" / f"{id}.yaml").write_text(text)
    texts = read_texts(folder)
    lines = "\n".join(cost_lines(read_rules(texts).whole(), schema_of(texts["schema"])))
    assert re.search(r"^rule card_testing costs an event at most \d+ ns of CPU, and \d+ bytes of state for each customer_id$", lines, re.M)
    assert re.search(
        r"^rule terminal_burst costs an event at most \d+ ns of CPU, and \d+ bytes of state for each terminal_id$", lines, re.M
    )
    assert re.search(r"^rule card_testing begins with nothing: [\w.]+ is not retained$", lines, re.M)
    assert re.search(r"^rule terminal_burst begins with nothing: the history of a terminal_id does not say", lines, re.M)


TEST = """tests:
  - name: a payment of more than one
    common: {customer_id: c, terminal_id: t, device_id: d, currency: EUR, merchant_category: books}
    events: [{payment_id: 1, at: 0s, amount: 1.5}, {payment_id: 2, at: 1m, amount: 0.5}]
    expect: {matches: 1, events: [1]}
"""


@pytest.mark.parametrize("command", ["check", "patterns test"])
def test_the_tests_of_rules_are_run_and_one_that_fails_is_said_with_its_place(folder: pathlib.Path, command: str) -> None:
    (folder / "patterns" / "large.yaml").write_text(RULE + TEST)
    passed = CliRunner().invoke(main, [*command.split(), str(folder)])
    assert passed.exit_code == 0, passed.output
    assert "tests of rules: 1 passed, 0 failed" in passed.output
    (folder / "patterns" / "large.yaml").write_text(RULE + TEST.replace("matches: 1, events: [1]", "matches: 2"))
    failed = CliRunner().invoke(main, [*command.split(), str(folder)])
    assert failed.exit_code == 1
    assert "patterns/large.yaml:6:11: test failed: a payment of more than one: expected 2 matches, got 1: of the events 1" in failed.output


@pytest.mark.slow
def test_every_rule_of_the_samples_has_tests_that_match_and_tests_that_do_not_and_all_pass() -> None:
    for sample in SAMPLES.iterdir():
        texts = read_texts(sample)
        rules = read_rules(texts).whole()
        assert {outcome.problem for outcome in run_rule_tests(texts, rules)} <= {""}
        for id, rule in rules.items():
            assert {test.matches > 0 for test in rule.tests} == {True, False}, id
