"""The page of the first ten minutes as its reader meets it: numbered steps, and consoles of commands with what each shows."""

import pathlib
import re

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "getting-started.md").read_text()


def sections() -> dict[int, str]:
    """The text of each step, by its number."""
    return {int(number): text for number, text in re.findall(r"^## (\d+)\. [^\n]*\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)}


def consoles(step: int) -> list[tuple[str, str]]:
    """The commands of a step, each with what it shows."""
    return [command for block in re.findall(r"```console\n(\$.*?)```", sections()[step], re.DOTALL) for command in commands_of(block)]


def commands_of(block: str) -> list[tuple[str, str]]:
    """The commands of a console, each with what it shows.

    Up to END, where a command asks for it, and behind a backslash, lines belong to the command.
    """
    found: list[tuple[str, str]] = []
    for each in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = each.splitlines()
        last = lines.index("END") + 1 if "<<'END'" in lines[0] else 1
        while lines[last - 1].endswith("\\"):
            last += 1
        found.append(("\n".join(lines[:last]), "\n".join(lines[last:])))
    return found
