import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.reasons import REVISION_MAX, Outcomes, largest
from pipeline.engine.release import RELEASE_MAX
from pipeline.engine.verdicts import REASONS_MAX

ROW = st.tuples(
    st.integers(0, 2),
    st.integers(-1, 62),
    st.lists(st.integers(-1, 126), min_size=3, max_size=3),
    st.integers(1, RELEASE_MAX),
    st.integers(0, REVISION_MAX),
)


@given(st.lists(ROW, max_size=20))
def test_what_is_remembered_of_a_decision_comes_back_from_one_word(rows: list[tuple[int, int, list[int], int, int]]) -> None:
    actions, chosen, reasons, releases, revisions = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    given = Outcomes(
        np.array(actions, np.uint8),
        np.array(chosen, np.int8),
        np.array(reasons, np.int8).reshape(-1, REASONS_MAX),
        np.array(releases, np.int64),
        np.array(revisions, np.int64),
    )
    again = Outcomes.unpacked(given.packed())
    assert all((one == other).all() for one, other in zip(given, again, strict=True))


def test_nothing_decided_yet_is_revision_0() -> None:
    assert Outcomes.unpacked(np.zeros(1, np.int64)).revisions.tolist() == [0]


def test_the_largest_shares_above_nothing_are_the_reasons() -> None:
    shares = np.array([[0.1, 0.4, -1.0, 0.2, 0.3], [0.0, -0.1, 0.5, 0.5, 0.0], [np.nan, 0.0, 0.0, 0.0, 0.0]])
    assert largest(shares).tolist() == [[1, 4, 3], [2, 3, -1], [-1, -1, -1]]
    assert largest(shares[:, :1]).tolist() == [[0, -1, -1], [-1, -1, -1], [-1, -1, -1]]
