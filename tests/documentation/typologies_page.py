"""The page of typologies, as it follows from the rules of the samples. For tests only.

Run as a program from the root of the project, with the root and this folder on PYTHONPATH, this writes the page anew.
"""

import pathlib
from collections.abc import Iterator

from deploy.command import SAMPLES
from patterns.language.pattern import Condition, Pattern
from pipeline.trial.configuration_folder import read_texts
from pipeline.trial.rules_read import read_rules

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "typologies.md"
FOLDERS = ("payments", "cards", "engagement")
_BEGIN = """# Typologies

These are the rules of the samples in [deploy/samples](../deploy/samples): ways of fraud and of odd behaviour, each in a file that says
why it is there, what it reads and what it is known not to catch. Copy what you need, and set the numbers by a replay of your own events:
those here suit the payments that `weir demo` makes, the public card payments of the quality measures, and a news site. `weir check DIR`
runs their tests, which stand in the files too. How a rule is written says [patterns.md](patterns.md). This page is made from the files,
and a test compares the two.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_BEGIN, *(line for folder in FOLDERS for line in _folder_lines(folder))])


def rules_of(folder: str) -> dict[str, Pattern]:
    """The rules of one sample by id."""
    return dict(read_rules(read_texts(SAMPLES / folder)).whole())


def _folder_lines(folder: str) -> Iterator[str]:
    rules = rules_of(folder)
    yield f"## {folder}\n"
    yield "| rule | what it is | severity | status |"
    yield "|---|---|---|---|"
    for id, rule in rules.items():
        yield f"| [{id}](#{folder}-{id}) | {rule.title} | {rule.severity} | {rule.status} |"
    yield ""
    for id, rule in rules.items():
        yield from _rule_lines(folder, id, rule)


def _rule_lines(folder: str, id: str, rule: Pattern) -> Iterator[str]:
    yield f"### {folder}: {id}\n"
    yield f"**{rule.title}.** {' '.join(rule.why.split())}\n"
    yield f"* severity {rule.severity}, {rule.status}, owner {rule.owner}: [{id}.yaml](../deploy/samples/{folder}/patterns/{id}.yaml)"
    yield f"* reads {', '.join(f'`{name}`' for name in reads(rule))}"
    yield f"* does: {_does(rule)}"
    yield f"* references: {'; '.join(rule.references)}"
    yield from ["* known gaps:", *(f"  * {gap}" for gap in rule.known_gaps), ""]


def reads(rule: Pattern) -> list[str]:
    """What the conditions of a rule read, by name: of the event, features, models, facts and lists."""
    names = {name for condition in _conditions(rule) for name in condition.names if " in " not in name}
    return sorted(names | {f"list.{name}" for condition in _conditions(rule) for name in condition.lists})


def _conditions(rule: Pattern) -> Iterator[Condition]:
    if rule.when is not None:
        yield rule.when
    if rule.sequence is not None:
        yield from (step.when for step in rule.sequence.steps)
        if rule.sequence.until is not None:
            yield rule.sequence.until


def _does(rule: Pattern) -> str:
    then = rule.then
    parts = [f"asks for `{then.action}`"] if then.action else []
    parts += [f"adjusts the score by {then.adjust:g} decades"] if then.adjust else []
    parts += [f"adds the tag {' and '.join(f'`{tag}`' for tag in then.tags)}"] if then.tags else []
    return ", ".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
