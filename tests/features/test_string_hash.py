import hashlib
import struct

import numpy as np
import pytest

from features.schema import string_hash
from features.schema.string_hash import word_of, words_of


def by_definition(text: str) -> float:
    number = struct.unpack("<q", hashlib.blake2b(text.encode(), digest_size=8).digest())[0] & ~(1 << 62)
    return float(struct.unpack("<d", struct.pack("<q", number))[0])


def test_a_text_has_the_same_cell_however_many_texts_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(string_hash, "_CACHED_MAX", 8)
    texts = [f"t{number % 11}" for number in range(60)] + ["x" * 65, "x" * 65, "ü"]
    assert words_of(texts, len(texts)).tolist() == [by_definition(text) for text in texts] == [word_of(text) for text in texts]


def test_no_text_is_no_cell() -> None:
    assert np.isnan(words_of([None, "", "a", None, ""], 5)).tolist() == [True, True, False, True, True]


def test_as_many_texts_are_remembered_as_are_allowed_and_long_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(string_hash, "_CACHED_MAX", 8)
    words = string_hash._Words()
    for number in range(100):
        assert words[f"t{number}"] == by_definition(f"t{number}")
        assert len(words) + len(words._older) <= 8
    assert "x" * 65 not in words and words["x" * 65] == by_definition("x" * 65)
    assert "x" * 65 not in words
