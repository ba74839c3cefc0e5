"""A rule that cannot be is refused with its place, what was expected, what was there and what to do."""

import json
import pathlib
import re

import pytest
from golden_refusals import GOLDEN, cases, shown_of, texts_of
from rule_scope import SCOPE, reading_of

from foundation.refusal import Refusal
from patterns.language.rule_folder import REFUSALS_MAX, check_id, read_patterns


def test_refusals_read_as_the_golden_file_has_them() -> None:
    assert "\n".join(map(shown_of, cases())) == GOLDEN.read_text()


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.stem)
def test_each_bad_rule_is_refused_with_file_line_and_column(case: pathlib.Path) -> None:
    refusals = read_patterns(texts_of(case), SCOPE).refusals
    assert refusals
    for refusal in refusals:
        assert re.match(r"patterns/[\w ]+\.yaml(:\d+:\d+)?: ", str(refusal))
        assert refusal.expected
        assert refusal.got


def test_one_bad_rule_leaves_the_others_read_and_the_folder_as_a_whole_refused() -> None:
    good = "title: t\nowner: o\nwhen: event.amount > 1.0\n"
    reading = read_patterns({"a": good, "b": good.replace("amount", "amuont"), "c": good}, SCOPE)
    assert list(reading.patterns) == ["a", "c"]
    with pytest.raises(Refusal, match=r"patterns/b\.yaml:3:13: unknown name"):
        reading.whole()


def test_refusals_are_gathered_up_to_a_bound() -> None:
    reading = read_patterns({f"r{at}": "title: t\n" for at in range(REFUSALS_MAX + 50)}, SCOPE)
    assert len(reading.refusals) == REFUSALS_MAX


def test_more_rules_than_the_bound_are_refused_unread() -> None:
    reading = read_patterns(dict.fromkeys(map(str, range(20_001)), ""), SCOPE)
    assert [str(refusal) for refusal in reading.refusals] == ["patterns: too many rules: expected at most 20000, got 20001"]


def test_a_rule_of_a_megabyte_is_refused_by_its_length() -> None:
    (refusal,) = reading_of("title: t\nowner: o\nwhen: event.amount > 1.0\nwhy: '" + "x" * (1 << 20) + "'\n").refusals
    assert refusal.what == "document too long"


@pytest.mark.slow
def test_a_rule_that_is_almost_a_megabyte_of_tests_is_read_or_refused_by_a_bound() -> None:
    test = "  - {name: t%d, events: [{transaction_id: e1, ts: 0s, customer_id: c, amount: 2}], expect: {matches: 1}}\n"
    (refusal,) = reading_of("title: t\nowner: o\nwhen: event.amount > 1.0\ntests:\n" + "".join(test % at for at in range(8_000))).refusals
    assert refusal.what in ("document of too many parts", "too many tests")


@pytest.mark.parametrize("id", ["", "A", "a b", "../a", "a/b", "a" * 64, "1a", "é"])
def test_an_id_that_could_be_another_file_or_name_is_refused(id: str) -> None:
    with pytest.raises(Refusal, match="not the id of a rule"):
        check_id(id)


ATTACKS = [
    "event.__class__ == 1",
    "event.amount.__class__.__mro__[1].__subclasses__()",
    "__import__('os').system('ls') == 0",
    "exec('1') == 1",
    "eval('1') == 1",
    "open('/etc/passwd').read() == ''",
    "getattr(event, 'amount') > 1.0",
    "event['amount'] > 1.0",
    "globals() == 1",
    "(lambda: 1)() == 1",
    "[x for x in [1]] == [1]",
    "event.amount; import os",
    "event.merchant_category.format(event) == ''",
    "'{0.__class__}'.format(event) == ''",
    "parameter.__class__ == 1",
    "adaptive.__dict__ == 1",
    "a.__class__.mean(event.amount) > 1.0",
    "math.__loader__ == 1",
    "event.merchant_category.matches('(a+)+$' + event.merchant_category)",
    "event.merchant_category.matches('((a{1,1000}){1,1000}){1,1000}')",
    "[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, [1,2,3,4,5,6,7,8,9].all(d, a + b + c + d > 0))))"
    + " && [1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, [1,2,3,4,5,6,7,8,9].all(d, event.items > d))))",
    "!" * 10_000 + "true",
    "true" + " && true" * 5_000,
    "${event.amount}",
    "event.amount > 1.0 //\n; drop table rules",
    "type(event.amount) == double",
    "cel.bind(x, 1, x == 1)",
    "google.protobuf.Any{} == 1",
    "b'\\x00' == b''",
    "dyn(event).amount > 1.0",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_in_a_condition_reaches_beyond_the_language(attack: str) -> None:
    reading = reading_of(f"title: t\nowner: o\nwhen: {json.dumps(attack)}\n")
    assert reading.patterns == {}
    assert len(reading.refusals) == 1
