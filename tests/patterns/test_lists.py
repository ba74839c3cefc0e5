import pytest

from features.refusal import Refusal
from patterns.lists import ENTRIES_MAX, ENTRY_CHARACTERS_MAX, check_name, edited, entries_of, read_list


def test_a_list_is_its_lines_without_white_space_comments_and_repetitions() -> None:
    text = "# stolen\r\ncard-1\r\n\r\n  card 2\t\n#card-3\ncard-1"
    assert read_list(text, "lists/a.txt") == {"card-1", "card 2"}
    assert entries_of(text) == ["card-1", "card 2", "card-1"]
    assert read_list("", "lists/a.txt") == frozenset()


def test_a_million_entries_are_taken_and_one_more_is_not() -> None:
    text = "\n".join(map(str, range(ENTRIES_MAX)))
    entries = read_list(text, "lists/a.txt")
    assert len(entries) == ENTRIES_MAX
    assert "0" in entries
    assert str(ENTRIES_MAX - 1) in entries
    assert str(ENTRIES_MAX) not in entries
    with pytest.raises(Refusal, match="too many entries"):
        read_list(text + "\nmore", "lists/a.txt").check()


def test_bytes_count_and_not_characters() -> None:
    with pytest.raises(Refusal, match="list too large"):
        read_list("é\n" * 5_300_000, "lists/a.txt").check()


@pytest.mark.parametrize("entry", ["x" * (ENTRY_CHARACTERS_MAX + 1), "a\x00b", "a\x1bb", "a\u2028b"])
def test_a_bad_entry_is_refused_with_its_line(entry: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_list("ok\n" * 20_000 + f"# {entry}\nok\n{entry}\n", "lists/a.txt").check()
    assert refused.value.where == "lists/a.txt:20003"


@pytest.mark.parametrize(
    ("add", "remove", "text"),
    [(["c"], [], "# x\na\n b \nc\n"), (["a", "b"], [], "# x\na\n b \n"), ([], ["b", "a"], "# x\n"), (["a"], ["a"], "# x\n b \na\n"),
     ([], ["# x"], None)],
)  # fmt: skip
def test_an_edit_leaves_what_it_does_not_name_as_it_stands(add: list[str], remove: list[str], text: str | None) -> None:
    if text is None:
        with pytest.raises(Refusal, match="bad entry"):
            edited("# x\na\n b \n", add, remove)
    else:
        assert edited("# x\na\n b \n", add, remove) == text


def test_a_long_list_is_edited_as_a_short_one() -> None:
    lines = [f"# {number}" if number % 7 == 0 else f" card-{number}" for number in range(20_000)]
    left = [line for line in lines if line not in (" card-1", " card-9999", " card-19998")]
    found = edited("\n".join(lines) + "\n", ["card-5", "new"], ["card-1", "card-9999", "card-19998"])
    assert found == "\n".join([*left, "new"]) + "\n"
    assert edited("\n".join(lines), [], []) == "\n".join(lines) + "\n"


def test_the_last_entry_may_go_and_the_first_may_come() -> None:
    assert edited("a", [], ["a"]) == ""
    assert edited("", ["a"], []) == "a\n"


@pytest.mark.parametrize("name", ["", "A", "1a", "a-b", "a.b", "a/b", "x" * 64, "a\n", "é"])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(Refusal, match="bad list name"):
        check_name(name)
    assert check_name("x" * 63)
