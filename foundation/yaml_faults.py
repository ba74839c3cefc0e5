"""Says what is wrong with a text that is not YAML, in whole phrases in place of the parser's words."""

import re
from typing import Final, NoReturn

import yaml

from foundation.refusal import Refusal, shortened

_EXPECTED: Final = (
    ("'\\t' that cannot start", "spaces: a tab cannot indent a line or stand before a value"),
    ("that cannot start any token", "a value; a text that begins with this character stands in quotes"),
    ("found unexpected end of stream", "a closing quote"),
    ("found unexpected document separator", "a closing quote"),
    ("mapping values are not allowed", "one name and one value; a text with a colon and a space in it stands in quotes"),
    ("could not find expected ':'", "a colon behind the name"),
    ("expected ',' or ']'", "a comma or a closing ]"),
    ("expected ',' or '}'", "a comma or a closing }"),
    ("expected the node content", "a value"),
    ("unknown escape character", 'an escape that YAML knows, such as \\n or \\"'),
    ("expected escape sequence of", "hexadecimal digits behind the escape"),
    ("expected alphabetic or numeric character", "a name of letters and digits"),
    ("expected chomping or indentation", "a line break behind | or >"),
    ("expected <block end>, but found '?'", "the lines of a list or a mapping to begin in one column, and to be all of one kind"),
    ("expected <block end>", "the lines of a list or a mapping to begin in one column, and brackets that match"),
    ("expected '<document start>'", "the end of the document: all its lines begin in one column, and brackets match"),
    ("sequence entries are not allowed", "a line of its own for each - of a list"),
    ("mapping keys are not allowed", "a line of its own for each name"),
    ("incompatible YAML document", "a document of YAML 1"),
)
"""Parts of the parser's messages, and what to expect instead; the first part that matches counts."""


IN_A_BLOCK: Final = "write | behind the colon, and the text on the next line, further in"
_QUOTED_BEGINNING = re.compile(r""":\s+(?:"[^"]*"|'[^']*')\s*[^\s#,}\]]""")


def refuse_fault(error: yaml.YAMLError, text: str, source: str) -> NoReturn:
    """Raises the refusal of `text` for the fault that the parser found.

    Raises:
        Refusal: always; names line and column.
    """
    position = error.position if isinstance(error, yaml.reader.ReaderError) else _index_of(error, text)
    line, column = text.count("\n", 0, position) + 1, position - (text.rfind("\n", 0, position) + 1) + 1
    where = f"{source}:{line}:{column}"
    if isinstance(error, yaml.reader.ReaderError):
        got = f"U+{ord(text[position]):04X}"
        raise Refusal("character that cannot be shown", where=where, expected="printable characters", got=got) from None
    problem = getattr(error, "problem", None) or ""
    expected = next((words for part, words in _EXPECTED if part in problem), "a YAML document")
    got, remedy = _what_stands(text, position), _remedy(text.split("\n")[:line], problem)
    raise Refusal("not YAML", where=where, expected=expected + _since(error), got=got, remedy=remedy) from None


def _remedy(lines: list[str], problem: str) -> str:
    """Says what to do about a fault in the last of `lines`, where its form tells."""
    if not lines:
        return ""
    if _QUOTED_BEGINNING.search(lines[-1]):
        return IN_A_BLOCK
    before = next((line for line in reversed(lines[:-1]) if line.strip()), "")
    if "mapping values" in problem and _indent(lines[-1]) > _indent(before) and not before.rstrip().endswith(":"):
        return f"begin the line in column {_indent(before) + 1}, as the one before, or quote the text"
    return ""


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" -"))


def _index_of(error: yaml.YAMLError, text: str) -> int:
    mark = getattr(error, "problem_mark", None)
    return len(text) if mark is None else min(mark.index, len(text))


def _since(error: yaml.YAMLError) -> str:
    mark = getattr(error, "context_mark", None)
    return "" if mark is None else f", in what begins at line {mark.line + 1}, column {mark.column + 1}"


def _what_stands(text: str, position: int) -> str:
    rest = text[position:].split("\n", 1)[0].rstrip()
    if rest.startswith("\t"):
        return "a tab"
    if rest:
        return shortened(rest, 40)
    return "the end of the line" if text[position:].strip() else "the end of the text"
