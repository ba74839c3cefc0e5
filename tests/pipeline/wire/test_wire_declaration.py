"""What is made from the declaration is in the repository as it would be made now."""

import struct

import pytest

from pipeline.wire.__main__ import JAVA, PAGE
from pipeline.wire.declaration import CARRIED, EXCHANGED, LETTERS
from pipeline.wire.java_source import java_source
from pipeline.wire.layout import Layout, Letter
from pipeline.wire.page_tables import marked, tables, with_tables


def test_java_s_half_is_made_from_the_declaration() -> None:
    assert JAVA.read_text() == java_source(), "run `python -m pipeline.wire`"


def test_the_page_shows_every_layout_as_it_is_declared() -> None:
    page = PAGE.read_text()
    assert sorted(marked(page)) == sorted(tables())
    assert page == with_tables(page), "run `python -m pipeline.wire`"


@pytest.mark.parametrize("layout", [*EXCHANGED, *CARRIED], ids=lambda layout: layout.name)
def test_a_field_is_where_a_layout_says(layout: Layout) -> None:
    numbers = list(range(1, len(layout.fields) + 1))
    head = layout.pack(*numbers)
    assert len(head) == layout.size
    for number, field in zip(numbers, layout.fields, strict=True):
        assert head[layout.at(field.name)] == number
    assert layout.unpack_from(head) == tuple(numbers)
    assert layout.dtype().itemsize == layout.size


@pytest.mark.parametrize("letters", LETTERS, ids=lambda letters: letters.__name__)
def test_no_two_letters_of_one_alphabet_are_the_same(letters: type[Letter]) -> None:
    assert len({letter.byte for letter in letters}) == len(letters.__members__)


def test_a_number_too_large_for_its_field_is_refused() -> None:
    with pytest.raises(struct.error):
        EXCHANGED[0].pack(1 << 31, 0, 0, 0, 0)
