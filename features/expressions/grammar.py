"""The grammar of the Common Expression Language, as cel-python keeps it, and its parser.

Only the grammar file is read; the evaluator beside it is not loaded. Two things are set right on the way, both in terminals:
its patterns for strings backtrack exponentially on an unterminated one with backslashes, and let an escaped quote end a string.
"""

import functools
import importlib.util
import pathlib
from collections.abc import Collection
from typing import NoReturn

import lark
from lark.lexer import PatternRE, TerminalDef

from features.expressions.bounds import TEXT_LENGTH_MAX
from features.expressions.place import Mark, Source

_LONG = r"""(?:'''(?:[^\\']|\\[\s\S]|'(?!''))*'''|\"\"\"(?:[^\\"]|\\[\s\S]|"(?!""))*\"\"\")"""
_LONG_RAW = r"""(?:[rR]'''(?:[^']|'(?!''))*'''|[rR]\"\"\"(?:[^"]|"(?!""))*\"\"\")"""
_SHORT = r"""(?:'(?:[^\\'\r\n]|\\[^\r\n])*'|"(?:[^\\"\r\n]|\\[^\r\n])*")"""
_SHORT_RAW = r"""(?:[rR]'[^'\r\n]*'|[rR]"[^"\r\n]*")"""
_STRINGS = {
    "MLSTRING_LIT": f"(?:{_LONG}|{_LONG_RAW})",
    "STRING_LIT": f"(?:{_SHORT}|{_SHORT_RAW})",
    "BYTES_LIT": f"[bB](?:{_LONG}|{_LONG_RAW}|{_SHORT}|{_SHORT_RAW})",
}
_RESERVED = frozenset(
    "as break const continue else for function if import let loop package namespace return var void while in".split()  # noqa: SIM905
)
_WORDS = {
    "INT_LIT": "a value",
    "PLUS": "an operator",
    "RPAR": "a closing )",
    "RSQB": "a closing ]",
    "RBRACE": "a closing }",
    "COLON": "a colon",
    "COMMA": "a comma",
    "$END": "the end of the expression",
}
_OTHER_LANGUAGES = {"=": "==", "and": "&&", "AND": "&&", "or": "||", "OR": "||", "&": "&&", "|": "||", "not": "!"}


def parse_tree(source: Source) -> lark.Tree[lark.Token]:
    """The parse tree of an expression.

    Raises:
        ExpressionRefusal: it is empty, too long, or not in the language.
    """
    if len(source.text) > TEXT_LENGTH_MAX:
        source.refuse(Mark(1, 1), "expression too long", f"at most {TEXT_LENGTH_MAX} characters", f"{len(source.text)} characters")
    try:
        return _parser().parse(source.text)
    except lark.exceptions.UnexpectedCharacters as error:
        rest = source.text[error.pos_in_stream or 0 :]
        character = rest[0]
        what = "unfinished string" if character in "'\"" else "not in the language"
        expected = f"a closing {character}" if character in "'\"" else "an operator" if "PLUS" in (error.allowed or ()) else "a value"
        source.refuse(Mark(error.line, error.column), what, expected, rest, _remedy(character))
    except lark.exceptions.UnexpectedToken as error:
        _refuse_token(source, error)


def _refuse_token(source: Source, error: lark.exceptions.UnexpectedToken) -> NoReturn:
    token = error.token
    if token.type == "$END":
        lines = source.text.split("\n")
        source.refuse(Mark(len(lines), len(lines[-1]) + 1), "not finished", _words(error.accepts), "the end of the expression")
    at = Mark(token.line or 1, token.column or 1)
    source.refuse(at, "not in the language", _words(error.accepts), str(token), _remedy(str(token)))


def is_reserved(name: str) -> bool:
    """Whether the language keeps `name` for itself, so that no variable or function has it."""
    return name in _RESERVED


@functools.cache
def _parser() -> lark.Lark:
    package = importlib.util.find_spec("celpy")  # finds, and does not load, what would take a quarter of a second
    assert package is not None
    assert package.origin is not None
    return lark.Lark(
        pathlib.Path(package.origin).with_name("cel.lark").read_text(encoding="utf-8"),
        parser="lalr",
        start="expr",
        propagate_positions=True,
        maybe_placeholders=False,
        edit_terminals=_linear,
        lexer_callbacks={"IDENT": _boolean},
    )


def _linear(terminal: TerminalDef) -> TerminalDef:
    pattern = _STRINGS.get(terminal.name)
    if pattern:
        terminal.pattern = PatternRE(pattern)
    return terminal


def _boolean(token: lark.Token) -> lark.Token:
    return lark.Token.new_borrow_pos("BOOL_LIT", token.value, token) if token.value in ("true", "false") else token


def _words(accepted: Collection[str]) -> str:
    words = [word for name, word in _WORDS.items() if name in accepted]
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words) or _WORDS["$END"]


def _remedy(written: str) -> str:
    return f"write {_OTHER_LANGUAGES[written]}" if written in _OTHER_LANGUAGES else ""
