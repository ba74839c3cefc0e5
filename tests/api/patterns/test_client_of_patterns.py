"""The client's and the command's calls about rules against the real application on a real socket."""

import pathlib
from collections.abc import Iterator

import pytest
from api_imitation import TEXTS, TOKEN, Api
from click.testing import CliRunner
from served import served

from api.client.client import Client
from deploy.api_commands import pattern_commands, rule_report_commands, rule_writing_commands
from deploy.api_commands.pattern_commands import patterns
from deploy.api_commands.rule_report_commands import report
from deploy.api_commands.rule_writing_commands import moves, try_rule, vocabulary
from foundation.content_hash import content_hash
from foundation.refusal import Refusal

RULE = "title: A great amount\nowner: team\nwhen: event.amount > 100.0\nthen: {action: block}\nstatus: shadow\n"
SMALLER = RULE.replace("100.0", "50.0")


@pytest.fixture
def client(tmp_path: pathlib.Path) -> Iterator[Client]:
    api = Api(tmp_path)
    api.in_force.release, api.in_force.texts = None, {}
    with served(api) as port, Client(f"http://127.0.0.1:{port}", TOKEN) as made:
        assert made.put(TEXTS).release == 1
        yield made
    api.decisions.close()
    api.database.close()


def test_the_client_leads_a_rule_through_its_life(client: Client) -> None:
    assert client.patterns.put("great", RULE).pattern.status == "shadow"
    assert client.patterns.move("great", "canary", 0.5, "first look").pattern.share == 0.5
    assert client.patterns.move("great", "activate").pattern.approved_by == "owner"
    assert client.patterns.put("great", SMALLER, content_hash(RULE)).pattern.hash == content_hash(SMALLER)
    assert client.patterns.roll_back("great", content_hash(RULE), "too many").pattern.hash == content_hash(RULE)
    assert {version.hash for version in client.versions("patterns/great")} == {content_hash(RULE), content_hash(SMALLER)}
    assert "+when: event.amount > 100.0" in client.diff("patterns/great", content_hash(SMALLER)).diff
    with pytest.raises(Refusal, match="retire it before"):
        client.patterns.remove("great")
    assert client.patterns.move("great", "retire").pattern.status == "retired"
    client.patterns.remove("great")
    assert client.patterns.all().patterns == []


def test_the_command_says_what_a_rule_has_become(client: Client, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pattern_commands, "_api", lambda: client)
    monkeypatch.setattr(client, "close", lambda: None)
    file = tmp_path / "great.yaml"
    file.write_text(RULE)

    def said(*arguments: str) -> str:
        result = CliRunner().invoke(patterns, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    def refused(*arguments: str) -> str:
        with pytest.raises(Refusal) as caught:
            CliRunner().invoke(patterns, arguments, catch_exceptions=False)
        return str(caught.value)

    assert said("upload", str(file)) == "release     2\nrule great costs an event at most 2 ns of CPU\n"
    assert said("upload", str(file)) == "release     2, as before\nrule great costs an event at most 2 ns of CPU\n"
    assert said("show", "great") == RULE
    assert "canary for 25% of the entities, approved by owner; release 3" in said("canary", "great", "--share", "0.25")
    assert "canary 25%" in said("list")
    assert "great  active, approved by owner; release 4" in said("activate", "great", "--reason", "it is right")
    assert content_hash(RULE) in said("versions", "great")
    assert "no decision on event 7" in refused("explain", "great", "7")
    assert said("diff", "great", content_hash(RULE)) == ""
    assert "great  paused" in said("pause", "great")
    assert "great  shadow" in said("shadow", "great")
    assert "great  retired" in said("retire", "great")
    assert said("remove", "great") == "removed     great\n"


def test_the_command_helps_somebody_who_writes_a_rule(client: Client, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_writing_commands, "_api", lambda: client)
    monkeypatch.setattr(client, "close", lambda: None)
    test = "tests: [{name: a great one, events: [{id: 1, at: 0s, customer: c, terminal: t, amount: 200}], expect: {matches: 1}}]\n"
    file = tmp_path / "great.yaml"
    file.write_text(RULE + test)
    tried = CliRunner().invoke(try_rule, [str(file)], catch_exceptions=False)
    assert (tried.exit_code, tried.output.splitlines()[0]) == (0, "passed      a great one")
    file.write_text(RULE + test.replace("amount: 200", "amount: 20"))
    failed = CliRunner().invoke(try_rule, [str(file)], catch_exceptions=False)
    assert (failed.exit_code, failed.output.splitlines()[0].partition(":")[0]) == (1, "failed      a great one (line 6)")
    assert client.patterns.all().patterns == []
    names = CliRunner().invoke(vocabulary, ["count"], catch_exceptions=False).output
    assert [line.split()[:2] for line in names.splitlines()] == [["feature.count_1h", "double"]]
    client.patterns.put("great", RULE)
    client.patterns.put("small", SMALLER)
    assert [each.pattern for each in client.patterns.reports(["small", "great"]).reports] == ["small", "great"]
    monkeypatch.setattr(rule_report_commands, "_api", lambda: client)
    said = CliRunner().invoke(report, ["small", "great"], catch_exceptions=False).output
    assert [line.split()[0] for line in said.splitlines() if line.endswith("shadow")] == ["small", "great"]
    assert "great  shadow\n" in CliRunner().invoke(moves, ["great"], catch_exceptions=False).output
