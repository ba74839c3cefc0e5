"""What is no definition is refused with its place and in whole phrases, at a bounded cost; what looks strange and is clear is read."""

import contextlib
import pathlib
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from strange_documents import STRANGE_DOCUMENTS

from foundation import yaml_tree
from foundation.document import read_document
from foundation.refusal import Refusal
from foundation.text_bytes import decode_text

GOLDEN = pathlib.Path(__file__).with_name("strange_documents.golden.txt")


def refusal_of(text: str) -> str:
    with pytest.raises(Refusal) as caught:
        read_document(text, "f.yaml").plain()
    return str(caught.value)


def test_refusals_of_strange_documents_read_as_the_golden_file_has_them() -> None:
    shown = [f"== {name}\n{refusal_of(text)}\n" for name, text in STRANGE_DOCUMENTS.items()]
    assert "\n".join(shown) == GOLDEN.read_text()


@pytest.mark.parametrize("name", list(STRANGE_DOCUMENTS))
def test_the_refusal_of_a_strange_document_names_line_and_column(name: str) -> None:
    assert re.match(r"f\.yaml:\d+:\d+: ", refusal_of(STRANGE_DOCUMENTS[name]))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 'no'", {"a": "no"}),
        ('"on": true', {"on": True}),
        ("a: [True, FALSE, null, ~, ]", {"a": [True, False, None, None]}),
        ("a: [0, -7, +7, 1.50, .5, 1., 1e-3, 2.5E+3]", {"a": [0, -7, 7, 1.5, 0.5, 1.0, 0.001, 2500.0]}),
        ("a: 2000-01-01", {"a": "2000-01-01"}),
        ("a: '010'", {"a": "010"}),
        ("a: [30d, 1.2.3, y, n, 10:99, '=']", {"a": ["30d", "1.2.3", "y", "n", "10:99", "="]}),
        ("\ufeffa: 1", {"a": 1}),
        ("--- {a: 1}\n...\n", {"a": 1}),
        ("a: |\n  b\n  c\n", {"a": "b\nc\n"}),
        ("é: 'ñ\u2028'", {"é": "ñ\u2028"}),
    ],
)
def test_what_all_readers_of_yaml_agree_on_is_read(text: str, value: object) -> None:
    assert read_document(text, "f.yaml").plain() == value


@given(st.text(st.sampled_from("ab01: -[]{},'\"|>&*!%@`#?~\n\t._e+\x00\ud800\ufeff<=no"), max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(Refusal):
        read_document(text, "f.yaml").plain()


@given(st.text(st.sampled_from("ab01: -[]{},'\"|>!%@`#?\n\t.\r\x85é😀"), max_size=40))
def test_a_text_is_read_alike_by_the_fast_parser_and_by_the_one_in_python(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        fast = outcome_of(text)
        patch.setattr(yaml_tree, "_FAST", yaml.SafeLoader)
        assert fast == outcome_of(text)


def outcome_of(text: str) -> object:
    try:
        return read_document(text, "f.yaml").plain()
    except Refusal as refusal:
        return refusal.what


@pytest.mark.parametrize(
    ("content", "place", "byte"),
    [(b"caf\xe9", "1:4", "0xe9"), ("é\nüb".encode() + b"\xff\n", "2:3", "0xff"), ("a: 1".encode("utf-16"), "1:1", "0xff")],
)
def test_bytes_that_are_not_utf_8_are_refused_with_line_and_column(content: bytes, place: str, byte: str) -> None:
    with pytest.raises(Refusal) as caught:
        decode_text(content, "f.yaml")
    assert (caught.value.where, caught.value.got) == (f"f.yaml:{place}", f"the byte {byte}")


@pytest.mark.parametrize(("written", "length_ms"), [("0s", 0), ("0ms", 0), ("1ms", 1), ("2w", 1_209_600_000)])
def test_a_length_of_nothing_is_a_duration_where_it_may_be_one(written: str, length_ms: int) -> None:
    assert read_document(written, "f.yaml").duration_ms(least_ms=0) == length_ms


@pytest.mark.parametrize("written", ["0s", "5", "-1s", "1.5h", "s", "1 h", "٣s", "9999999999999999d"])
def test_what_is_no_duration_is_refused(written: str) -> None:
    with pytest.raises(Refusal, match="a whole number with a unit"):
        read_document(written, "f.yaml").duration_ms()
