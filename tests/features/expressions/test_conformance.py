"""What the Common Expression Language's own conformance suite says of the supported part.

`conformance.jsonl` holds facts of google/cel-spec, tests/simple/testdata at commit 508bd98: `at` names file, section and test;
`expr` is the expression, `types` and `values` its variables (times in microseconds), `value` or `error` what comes of it. `refused`
is ours: what the refusal says where the suite wants a value that is not supported.
"""

import collections
import json
import pathlib

import pytest
from conformance_cases import agrees, outcome

from features.expressions.functions.column import Fault
from foundation.place import ExpressionRefusal

CASES = [json.loads(line) for line in pathlib.Path(__file__).with_name("conformance.jsonl").read_text().splitlines()]
FILES = sorted({case["at"].partition("/")[0] for case in CASES})
VALUES = 700


@pytest.mark.parametrize("file", FILES)
def test_every_case_of_the_supported_part_has_the_value_that_the_suite_gives(file: str) -> None:
    cases = [case for case in CASES if "value" in case and case["at"].startswith(file + "/")]
    assert [(case["at"], got) for case in cases if not agrees(case, got := _outcome(case))] == []


@pytest.mark.parametrize("file", FILES)
def test_every_case_that_ends_in_an_error_is_an_error_or_is_refused(file: str) -> None:
    cases = [case for case in CASES if "error" in case and case["at"].startswith(file + "/")]
    assert [(case["at"], got) for case in cases if not agrees(case, got := _outcome(case))] == []


def test_what_is_not_supported_is_refused_in_so_many_words() -> None:
    cases = [case for case in CASES if "refused" in case]
    assert [(case["at"], got) for case in cases if (got := _outcome(case)) != case["refused"]] == []


def test_the_table_is_as_large_as_the_documentation_says() -> None:
    counts = collections.Counter(next(kind for kind in ("value", "error", "refused") if kind in case) for case in CASES)
    page = pathlib.Path(__file__).parents[3].joinpath("features", "expressions", "SUPPORTED.md").read_text()
    assert counts["value"] >= VALUES
    assert f"{counts['value']} cases with a value, {counts['error']} with an error" in page


def test_a_case_with_another_value_does_not_agree() -> None:
    case = {"at": "-", "expr": "1 + 1", "value": {"int": 3}}
    assert not agrees(case, outcome(case))
    assert not agrees({"at": "-", "expr": "1 + 1", "error": True}, outcome(case))
    assert agrees({"at": "-", "expr": "1 / 0", "error": True}, outcome({"expr": "1 / 0"}))
    assert outcome({"expr": "1 / 0"})[1] is Fault.DIVIDED_BY_ZERO


def _outcome(case: dict) -> object:
    try:
        return outcome(case)
    except ExpressionRefusal as refusal:
        return refusal.what
