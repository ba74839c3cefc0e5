"""What a condition is for one event, found by walking its tree in plain Python: the truth that compiled sets must agree with.

It knows arithmetic, comparisons, membership, `has`, `size` and `startsWith`.
"""

import math
import operator as op
import struct

from features.expressions.syntax.syntax import Call, Chain, Choice, ListOf, Literal, Name, Node, Select, Unary
from patterns.language.pattern import Missing

INT_MIN, INT_MAX = -(1 << 63), (1 << 63) - 1
EPOCH_TEXTS = {"2009-02-13T23:31:30Z": 1_234_567_890_000_000}


class NoValueError(Exception):
    """A value is missing."""


class FailedError(Exception):
    """A value cannot be computed."""


def truth(node: Node, event: dict, missing: Missing) -> str:
    """'true', 'false', 'missing' or 'error'."""
    if isinstance(node, Chain) and node.rest[0][0] in ("&&", "||"):
        decides = "false" if node.rest[0][0] == "&&" else "true"
        parts = [truth(part, event, missing) for part in (node.first, *(part for _, _, part in node.rest))]
        other = "true" if decides == "false" else "false"
        return next((each for each in (decides, "error", "missing") if each in parts), other)
    if isinstance(node, Unary) and node.operator == "!":
        inside = truth(node.operand, event, missing)
        return {"true": "false", "false": "true"}.get(inside, inside)
    if isinstance(node, Choice):
        asked = truth(node.condition, event, missing)
        return truth(node.yes if asked == "true" else node.no, event, missing) if asked in ("true", "false") else asked
    try:
        return "true" if value(node, event) else "false"
    except NoValueError:
        return {Missing.FALSE: "false", Missing.TRUE: "true", Missing.SKIP: "missing"}[missing]
    except FailedError:
        return "error"


def value(node: Node, event: dict) -> object:
    """The value of a part of an atom."""
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Name | Select):
        found = event.get(path(node))
        if found is None:
            raise NoValueError
        return found
    if isinstance(node, Unary):
        return -value(node.operand, event)
    if isinstance(node, ListOf):
        return [value(item, event) for item in node.items]
    if isinstance(node, Call):
        return called(node, event)
    assert isinstance(node, Chain)
    left: object = None
    parts = [(node.first, ""), *((part, operator) for operator, _, part in node.rest)]
    for part, operator in parts:
        if operator == "in" and isinstance(part, Select) and path(part).startswith("list."):
            left = event[f"{path(node.first)} in {path(part)}"]
            continue
        right = all_values(part, event, node)
        left = right if not operator else applied(operator, left, right)
    return left


def all_values(part: Node, event: dict, chain: Chain) -> object:
    """The value of a part; where several parts of an operator lack one, an error is graver than a missing value."""
    try:
        return value(part, event)
    except NoValueError:
        for other in (chain.first, *(each for _, _, each in chain.rest)):
            try:
                value(other, event)
            except NoValueError:
                continue
        raise


def called(node: Call, event: dict) -> object:
    if node.function == "has":
        return event.get(path(node.arguments[0])) is not None
    if node.function == "timestamp":
        return EPOCH_TEXTS[value(node.arguments[0], event)]
    text = value(node.target, event)
    assert isinstance(text, str)
    if node.function == "size":
        return len(text)
    assert node.function == "startsWith"
    return text.startswith(str(value(node.arguments[0], event)))


def applied(operator: str, a, b) -> object:
    if operator in ("==", "!=", "<", "<=", ">", ">=", "in"):
        return compared(operator, a, b)
    if isinstance(a, int):
        if operator in ("/", "%") and b == 0:
            raise FailedError
        if operator in ("/", "%"):
            result = quotient(a, b) if operator == "/" else a - b * quotient(a, b)
        else:
            result = {"+": a + b, "-": a - b, "*": a * b}[operator]
        if not INT_MIN <= result <= INT_MAX:
            raise FailedError
        return result
    if operator == "/":
        return divided(a, b)
    return {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b}[operator]()


def compared(operator: str, a, b) -> bool:
    if operator == "in":
        mixed = not isinstance(a, bool) and any(isinstance(each, float) for each in [a, *b])
        return any((float(a) == float(each)) if mixed else a == each for each in b)
    if isinstance(a, float) or isinstance(b, float):
        a, b = float(a), float(b)
    return bool({"==": op.eq, "!=": op.ne, "<": op.lt, "<=": op.le, ">": op.gt, ">=": op.ge}[operator](a, b))


def quotient(a: int, b: int) -> int:
    """Towards zero."""
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def divided(a: float, b: float) -> float:
    if b != 0.0:
        return a / b
    if a == 0.0 or math.isnan(a):
        return math.nan
    negative = struct.pack(">d", a)[0] >> 7 != struct.pack(">d", b)[0] >> 7
    return -math.inf if negative else math.inf


def path(node: Node) -> str:
    if isinstance(node, Name):
        return node.name
    assert isinstance(node, Select)
    return f"{path(node.operand)}.{node.field}"
