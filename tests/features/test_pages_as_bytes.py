"""Pages of history as bytes: what is written is read, word for word, and what was not written is refused."""

import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from features.layout.layout import FILL, PAGE, PAGE_WORDS
from features.plan.plan_compiler import compile_plan
from features.profiles.page_decoding import read_pages
from features.profiles.page_encoding import pages_as_bytes
from features.profiles.slab import empty_slab
from features.schema.schema import read_schema
from foundation.refusal import Refusal

WORD_MIN, WORD_MAX = -(1 << 63), (1 << 63) - 1


def written(rows: list[NDArray[np.int64]]) -> list[bytes]:
    pages = np.zeros((len(rows), PAGE_WORDS + PAGE * rows[0].shape[1]), np.int64)
    for page, own in zip(pages, rows, strict=True):
        page[FILL] = len(own)
        page[PAGE_WORDS : PAGE_WORDS + own.size] = own.ravel()
    plan = compile_plan("user", True, [], [], read_schema("{id: id, time: {field: time}, user: user}"))
    slab = empty_slab(plan)._replace(pages=pages, pages_f=pages.view(np.float64))
    return pages_as_bytes(slab, range(len(rows)), rows[0].shape[1])


def bits(values: list[float]) -> list[int]:
    return np.array(values, np.float64).view(np.int64).tolist()


NUMBERS = (
    st.integers(WORD_MIN, WORD_MAX)
    | st.integers(0, 3)
    | st.sampled_from([0, WORD_MIN, WORD_MAX, -1, 1 << 62, 1 - (1 << 62), 1 << 48])
    | st.integers(1_700_000_000_000, 1_700_000_900_000)
    | st.floats(allow_nan=True).map(lambda value: bits([value])[0])
    | st.sampled_from(bits([0.0, -0.0, float("nan"), 1.5, -3.0, 2.0**52, 2.0**53, float("inf")]))
    | st.integers(-300, 70_000).map(lambda value: bits([float(value)])[0])
)


@st.composite
def columns(draw: st.DrawFn, n: int) -> list[int]:
    """A column of one sort of numbers, sometimes of few different ones, sometimes with holes."""
    sort = draw(st.sampled_from([NUMBERS, st.integers(0, 200), st.integers(-5, 5).map(lambda value: bits([float(value)])[0])]))
    choice = draw(st.lists(sort, min_size=1, max_size=draw(st.integers(1, PAGE))))
    hole = draw(st.sampled_from([[], [0], bits([float("nan")])]))
    return draw(st.lists(st.sampled_from(choice + hole), min_size=n, max_size=n))


@st.composite
def chains(draw: st.DrawFn) -> list[NDArray[np.int64]]:
    stride = draw(st.integers(4, 12))
    pages = []
    for _ in range(draw(st.integers(1, 3))):
        n = draw(st.integers(1, PAGE))
        drawn = [draw(columns(n)) for _ in range(stride)]
        if draw(st.booleans()):
            drawn[2] = drawn[1]
        pages.append(np.array(drawn, np.int64).T.copy())
    return pages


@settings(max_examples=examples(100))
@given(chains())
def test_every_word_comes_back(rows: list[NDArray[np.int64]]) -> None:
    read = read_pages(written(rows), rows[0].shape[1])
    assert [own.tolist() for own in read] == [own.tolist() for own in rows]


@settings(max_examples=examples(70))
@given(chains(), st.data())
def test_bytes_cut_short_or_too_long_are_refused(rows: list[NDArray[np.int64]], data: st.DataObject) -> None:
    [*_, blob] = written(rows)
    cut = blob[: data.draw(st.integers(0, len(blob) - 1))] if data.draw(st.booleans()) else blob + b"\0"
    with pytest.raises(Refusal, match="not a page of history"):
        read_pages([cut], rows[0].shape[1])


@pytest.mark.slow
@settings(max_examples=examples(150))
@given(chains(), st.data())
def test_any_bytes_are_refused_or_read_as_rows(rows: list[NDArray[np.int64]], data: st.DataObject) -> None:
    [*_, blob] = written(rows)
    spoilt = bytearray(blob)
    for _ in range(data.draw(st.integers(1, 4))):
        spoilt[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    try:
        [read] = read_pages([bytes(spoilt)], rows[0].shape[1])
    except Refusal:
        return
    assert 1 <= len(read) <= PAGE


def test_no_pages_are_no_bytes() -> None:
    assert read_pages([], 7) == []


def test_unlabelled_events_with_integer_ids_take_few_bytes() -> None:
    """Time 4, id 2, order and label none, an amount 2: beside the heads of the columns."""
    n = np.arange(PAGE)
    rows = np.column_stack([1_700_000_000_000 + 90_000_000 * n, 900_000 + 500 * n, 900_000 + 500 * n, 0 * n, bits((n * 999.0).tolist())])
    [blob] = written([rows.astype(np.int64)])
    assert len(blob) <= PAGE * (4 + 2 + 2) + 30
