import pytest

from foundation.refusal import Refusal
from patterns.entries import VALUE_BYTES_MAX
from patterns.list_text import ENTRIES_MAX, read_values, values_of_lists
from patterns.lists import DECLARATION, check_name, declared, list_names


def test_a_list_is_its_lines_without_white_space_comments_and_repetitions() -> None:
    text = "# stolen\r\ncard-1\r\n\r\n  card 2\t\n#card-3\ncard-1"
    assert list(read_values(text, "lists/a.txt")) == ["card-1", "card 2"]
    assert list(read_values("", "lists/a.txt")) == []


def test_a_long_list_is_read_as_a_short_one() -> None:
    lines = [f"# {number}" if number % 7 == 0 else f" card-{number}" for number in range(20_000)]
    assert list(read_values("\n".join(lines), "a")) == [line.strip() for line in lines if not line.startswith("#")]


@pytest.mark.slow
def test_a_million_entries_are_taken_and_one_more_is_not() -> None:
    text = "\n".join(map(str, range(ENTRIES_MAX)))
    assert len(read_values(text, "lists/a.txt")) == ENTRIES_MAX
    with pytest.raises(Refusal, match="too many entries"):
        read_values(text + "\nmore", "lists/a.txt")


def test_bytes_count_and_not_characters() -> None:
    with pytest.raises(Refusal, match="list too large"):
        read_values("é\n" * 5_300_000, "lists/a.txt")


@pytest.mark.parametrize("entry", ["x" * (VALUE_BYTES_MAX + 1), "é" * 1_025, "a\x00b", "a\x1bb", "a\u2028b"])
def test_a_bad_entry_is_refused_with_its_line(entry: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_values("ok\n" * 20_000 + f"# {entry}\nok\n{entry}\n", "lists/a.txt")
    assert refused.value.where == "lists/a.txt:20003"


@pytest.mark.parametrize("name", ["", "A", "1a", "a-b", "a.b", "a/b", "x" * 64, "a\n", "é"])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(Refusal, match="bad list name"):
        check_name(name)
    assert check_name("x" * 63)


def test_a_release_declares_lists_and_holds_none_of_their_entries() -> None:
    texts = {"policy": "score: x\n", "list:b": "card-1\n", "list:a": "# none\n"}
    assert list_names(texts) == ["a", "b"]
    assert {name: list(values) for name, values in values_of_lists(texts).items()} == {"a": [], "b": ["card-1"]}
    assert declared(texts) == {"policy": "score: x\n", "list:b": DECLARATION, "list:a": DECLARATION}
    assert declared({"list:a": None}) == {"list:a": None}
    assert list(read_values(DECLARATION, "lists/a.txt")) == []
