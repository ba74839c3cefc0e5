"""The page of typologies is the one that follows from the rules of the samples, and each of these says and shows what it should."""

import re

import pytest
from beside import make_importable

make_importable(__file__, "typologies_page")

from typologies_page import FOLDERS, PAGE, page, rules_of  # noqa: E402 - it stands beside this file

RULES = [(folder, id) for folder in FOLDERS for id in rules_of(folder)]
KEYS = {
    "payments": ("customer_id", "payee_id", "terminal_id", "device_id"),
    "engagement": ("reader_id", "device_id"),
    "cards": ("CUSTOMER_ID", "TERMINAL_ID"),
}
WITHOUT_TIES = ("terminal_with_frauds",)
"""It counts what is known of a terminal, and the order of its payments changes nothing."""


def test_the_page_is_that_of_the_files() -> None:
    assert PAGE.read_text() == page(), "run tests/documentation/typologies_page.py, and read the difference"


@pytest.mark.parametrize(("folder", "id"), RULES)
def test_a_rule_of_the_samples_says_why_it_is_there_where_to_read_on_and_what_it_misses(folder: str, id: str) -> None:
    rule = rules_of(folder)[id]
    assert rule.why and rule.references and rule.known_gaps
    assert rule.owner != "" and len(rule.tests) >= 2


@pytest.mark.parametrize(("folder", "id"), RULES)
def test_a_rule_of_the_samples_shows_what_it_matches_and_what_it_does_not(folder: str, id: str) -> None:
    tests = rules_of(folder)[id].tests
    assert any(test.matches > 0 for test in tests)
    assert any(test.matches == 0 for test in tests)


@pytest.mark.parametrize("folder", KEYS)
def test_a_rule_that_compares_events_shows_that_other_keys_late_and_missing_values_and_ties_do_not_fool_it(folder: str) -> None:
    for id, rule in rules_of(folder).items():
        names = [test.name for test in rule.tests]
        assert sum(test.matches == 0 for test in rule.tests) >= 3, id
        assert any(len({event[key] for event in test.events if key in event}) > 1 for test in rule.tests for key in KEYS[folder]), id
        assert any(re.search(r"\bone time\b", name) for name in names) or id in WITHOUT_TIES, id


def test_there_are_enough_of_them() -> None:
    counts = {folder: len(rules_of(folder)) for folder in FOLDERS}
    assert counts["payments"] >= 12
    assert counts["engagement"] >= 5
