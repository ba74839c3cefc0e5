import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from patterns.matches import RULES_MAX
from patterns.policy import BY_RULES, DECIDERS
from pipeline.engine.decisions.reasons import REVISION_MAX, Outcomes, largest
from pipeline.engine.decisions.verdicts import REASONS_MAX, RULES_NAMED_MAX
from pipeline.engine.definitions.release import RELEASE_MAX

RULES_OF_TEN_BITS = 1_023
"""Two rules with positions below this are remembered of a decision; of others one."""
Row = tuple[int, int, list[int], int, int, int, list[int]]
ROW = st.tuples(
    st.integers(0, 2),
    st.integers(-1, 62),
    st.lists(st.integers(-1, 126), min_size=REASONS_MAX, max_size=REASONS_MAX),
    st.integers(1, RELEASE_MAX),
    st.integers(0, REVISION_MAX),
    st.integers(0, len(DECIDERS) - 1),
    st.lists(st.integers(-1, RULES_MAX - 1), min_size=RULES_NAMED_MAX, max_size=RULES_NAMED_MAX),
)


@given(st.lists(ROW, max_size=20))
def test_what_is_remembered_of_a_decision_comes_back_from_one_word(rows: list[Row]) -> None:
    actions, chosen, reasons, releases, revisions, deciders, rules = zip(*rows, strict=True) if rows else ((),) * 7
    given = Outcomes(
        np.array(actions, np.uint8),
        np.array(chosen, np.int8),
        np.array(reasons, np.int8).reshape(-1, REASONS_MAX),
        np.array(releases, np.int64),
        np.array(revisions, np.int64),
        np.array(deciders, np.uint8),
        np.array(rules, np.int16).reshape(-1, RULES_NAMED_MAX),
    )
    again = Outcomes.unpacked(given.packed())
    far = (given.rules >= RULES_OF_TEN_BITS).any(axis=1)
    kept = np.where(far[:, None] & [False, True], -1, given.rules)
    by_rules = np.array([DECIDERS[decider] in BY_RULES for decider in deciders], np.bool_)
    wanted = given._replace(reasons=np.where(by_rules[:, None], -1, given.reasons), rules=np.where(by_rules[:, None], kept, -1))
    assert all((one == other).all() for one, other in zip(wanted, again, strict=True))


def test_a_word_from_before_what_decided_was_recorded_says_the_same_as_then() -> None:
    """It had 27 bits for the release, of which no release has needed the four highest."""
    action, chosen, release, revision, inputs = 2, 61, RELEASE_MAX, REVISION_MAX, [126, 0, 5]
    word = action | (chosen + 1) << 2 | release << 8 | revision << 35
    for place, position in enumerate(inputs):
        word |= (position + 1) << (43 + 7 * place)
    word -= (word >> 63) << 64  # as it stands in 64 bits with a sign
    then = Outcomes.unpacked(np.array([word], np.int64))
    assert (then.actions.tolist(), then.chosen.tolist(), then.reasons.tolist()) == ([action], [chosen], [inputs])
    assert (then.releases.tolist(), then.revisions.tolist()) == ([release], [revision])
    assert (then.deciders.tolist(), then.rules.tolist()) == ([0], [[-1] * RULES_NAMED_MAX])


def test_nothing_decided_yet_is_revision_0_and_names_no_rule() -> None:
    nothing = Outcomes.unpacked(np.zeros(1, np.int64))
    assert (nothing.revisions.tolist(), nothing.deciders.tolist(), nothing.rules.tolist()) == ([0], [0], [[-1] * RULES_NAMED_MAX])


def test_there_is_room_for_every_step_that_may_decide() -> None:
    assert len(DECIDERS) <= 16


def test_the_largest_shares_above_nothing_are_the_reasons() -> None:
    shares = np.array([[0.1, 0.4, -1.0, 0.2, 0.3], [0.0, -0.1, 0.5, 0.5, 0.0], [np.nan, 0.0, 0.0, 0.0, 0.0]])
    assert largest(shares).tolist() == [[1, 4, 3], [2, 3, -1], [-1, -1, -1]]
    assert largest(shares[:, :1]).tolist() == [[0, -1, -1], [-1, -1, -1], [-1, -1, -1]]
