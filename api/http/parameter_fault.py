"""The answer to a parameter of a path, query or header that FastAPI does not accept, in whole phrases in place of pydantic's messages."""

import re
from collections.abc import Mapping
from typing import Any

from api.http.problem import Problem

_SHOULD_BE = re.compile(r"Input should be (.*?)(?:, unable to .*)?")
_SHOULD_HAVE = re.compile(r"String should have (.*)")


def parameter_problem(error: Mapping[str, Any]) -> Problem:
    """The problem 422 for one of pydantic's errors, which names the parameter, what it expects and what was found."""
    where = ".".join(str(part) for part in error["loc"][1:])
    got = repr(error.get("input"))[:80]
    expected = expected_of(str(error["msg"]))
    members = {"what": "bad parameter", "where": where, "expected": expected, "got": got, "remedy": ""}
    return Problem(422, f"{where}: bad parameter: expected {expected}, got {got}", members=members)


def expected_of(message: str) -> str:
    """What pydantic's `message` asks for, as a phrase that can follow the word expected."""
    if message == "Field required":
        return "a value"
    if said := _SHOULD_HAVE.fullmatch(message):
        return f"a text with {said[1]}"
    if said := _SHOULD_BE.fullmatch(message):
        return f"a number {said[1]}" if said[1].startswith(("greater", "less")) else said[1]
    return message
