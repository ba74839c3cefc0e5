"""Which verb moves a rule from which status to which, and that docs say the same."""

import itertools
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.refusal import Refusal
from patterns.language.pattern import STATUSES
from patterns.lifecycle.manifest import Standing
from patterns.lifecycle.moves import MOVES, acts, moved

DOCS = pathlib.Path(__file__).parents[3] / "docs" / "life-of-a-rule.md"


def standing(status: str, approved_by: str = "bob", share: float = 1.0) -> Standing:
    return Standing("0" * 64, status, share, approved_by)  # type: ignore[arg-type]  # the test goes through all statuses


def outcome(status: str, verb: str, approved_by: str = "bob") -> str:
    try:
        return moved("r", standing(status, approved_by), verb).status
    except Refusal:
        return "-"


def test_the_table_of_the_docs_says_what_each_verb_does_to_each_status() -> None:
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in DOCS.read_text().splitlines() if line.startswith("| ")]
    told = {cells[0]: dict(zip(MOVES, cells[1:], strict=True)) for cells in rows if cells[0] in STATUSES and len(cells) == 1 + len(MOVES)}
    assert told == {status: {verb: outcome(status, verb) for verb in MOVES} for status in STATUSES}


@pytest.mark.parametrize("verb", ["canary", "activate"])
def test_a_text_that_nobody_approved_does_not_act(verb: str) -> None:
    with pytest.raises(Refusal, match="not approved"):
        moved("r", standing("shadow", approved_by=""), verb)
    assert moved("r", standing("shadow", approved_by=""), verb, approver="owner").approved_by == "owner"


def test_a_verb_that_leads_nowhere_says_what_would() -> None:
    with pytest.raises(Refusal, match="from draft it may shadow or retire"):
        moved("r", standing("draft"), "activate")


def test_a_canary_begins_small_keeps_its_share_and_takes_another() -> None:
    first = moved("r", standing("shadow"), "canary")
    assert (first.status, first.share) == ("canary", 0.05)
    second = moved("r", first, "canary", 0.3)
    assert moved("r", second, "canary").share == 0.3
    assert moved("r", second, "activate").share == 1.0


@given(st.lists(st.sampled_from(list(MOVES)), max_size=12))
def test_no_chain_of_verbs_lets_a_rule_act_without_approval_or_come_back_after_it_retired(verbs: list[str]) -> None:
    now, retired = standing("draft", approved_by=""), False
    for verb in verbs:
        try:
            now = moved("r", now, verb)
        except Refusal:
            continue
        assert not acts(now)
        assert now.status == "retired" or not retired
        retired = now.status == "retired"


def test_every_status_but_the_last_can_be_left() -> None:
    for status, verb in itertools.product(STATUSES, MOVES):
        assert status != "retired" or outcome(status, verb) in ("-", "retired")
    assert all(any(outcome(status, verb) not in ("-", status) for verb in MOVES) for status in STATUSES if status != "retired")
