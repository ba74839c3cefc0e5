"""What the label job commits beside an offset can be read again, and has room beside it."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.learning.label_progress import TEXT_MAX, LabelProgress, read_progress

offsets = st.sets(st.integers(0, 1 << 40), max_size=2_000)


@given(offsets, st.integers(1, 1 << 20))
def test_progress_that_was_written_is_read_as_it_was(waiting: set[int], behind: int) -> None:
    given = LabelProgress(max(waiting, default=0) + behind, tuple(sorted(waiting)))
    written = given.written()
    text = written.text()
    assert len(text) <= TEXT_MAX
    assert read_progress(written.offset, text) == written
    assert written.offset == given.offset
    assert written == given or (written.end in waiting and written.waiting == given.waiting[: len(written.waiting)])


@given(st.sets(st.integers(0, 60), max_size=30), st.integers(1, 5))
def test_a_label_is_done_that_neither_waits_nor_lies_behind_the_end(waiting: set[int], behind: int) -> None:
    progress = LabelProgress(max(waiting, default=0) + behind, tuple(sorted(waiting)))
    expected = {offset for offset in range(progress.offset, progress.end) if offset not in waiting}
    assert {offset for offset in range(80) if progress.is_done(offset)} == expected


def test_labels_that_have_no_room_in_the_text_end_what_is_done() -> None:
    written = LabelProgress(10_000_000, tuple(range(0, 9_000_000, 1_000))).written()
    assert 700 < len(written.waiting) < 1_000
    assert written.end == len(written.waiting) * 1_000


def test_an_offset_alone_says_that_all_before_it_are_done() -> None:
    for text in ("", "1", "2 5 7", "1 5 x", "something else"):
        assert read_progress(12, text) == LabelProgress(12)
