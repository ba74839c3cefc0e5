"""The tokens of the Common Expression Language: where the next one ends, and of which kind it is.

Which tokens may come depends on whether a value or an operator is due: ``-1`` is one token in ``x + -1`` and two in ``x -1``. Each
pattern takes time proportional to what it reads, on unfinished strings too.
"""

import re

_LONG = r"""(?:'''(?:[^\\']|\\[\s\S]|'(?!''))*'''|\"\"\"(?:[^\\"]|\\[\s\S]|"(?!""))*\"\"\")"""
_LONG_RAW = r"""(?:[rR]'''(?:[^']|'(?!''))*'''|[rR]\"\"\"(?:[^"]|"(?!""))*\"\"\")"""
_SHORT = r"""(?:'(?:[^\\'\r\n]|\\[^\r\n])*'|"(?:[^\\"\r\n]|\\[^\r\n])*")"""
_SHORT_RAW = r"""(?:[rR]'[^'\r\n]*'|[rR]"[^"\r\n]*")"""
_STRING = f"{_LONG}|{_LONG_RAW}|{_SHORT}|{_SHORT_RAW}"
_EXPONENT = "[eE][+-]?[0-9]+"
_FLOAT = rf"-?(?:[0-9]+\.[0-9]*(?:{_EXPONENT})?|[0-9]*\.[0-9]+(?:{_EXPONENT})?|[0-9]+{_EXPONENT})"
_INT = "-?(?:0x[0-9a-fA-F]+|[0-9]+)"

SPACE = re.compile(r"(?:[\t\n\f\r ]|//[^\n]*)*+")
"""What stands between tokens and means nothing; it matches everywhere."""

VALUE = re.compile(
    rf"(?P<bytes>[bB](?:{_STRING}))|(?P<string>{_STRING})|(?P<float>{_FLOAT})|(?P<uint>{_INT}[uU])|(?P<int>{_INT})"
    r"|(?P<name>[_a-zA-Z][_a-zA-Z0-9]*)|(?P<sign>[!-])|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<dot>\.)"
)
"""A token where a value is due; the groups are the kinds."""

OPERATOR = re.compile(
    r"(?P<operator>&&|\|\||<=|>=|==|!=|[-+*/%<>]|in(?![_a-zA-Z0-9]))|(?P<choice>\?)|(?P<close>[)\]},:])|(?P<dot>\.)|(?P<open>[\[{])"
)
"""A token after a value; the groups are the kinds."""

RESERVED = frozenset(
    "as break const continue else for function if import let loop package namespace return var void while in".split()  # noqa: SIM905
)
"""Names that the language reserves, so that no variable or function can have one of them."""
