"""Words found by table, against the library's own splitting."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.tokenizer.encoding.characters import Characters, code_points, find_words
from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.tiny.korean import ODD, SENTENCES


def _words(tokenizer: WordPiece, text: str) -> list[str]:
    codes = code_points(text)
    words = find_words(Characters(tokenizer._library).classes(codes))
    kept = "".join(text[at] for at in words.kept)
    bounds = [*words.starts.tolist(), len(kept)]
    return [kept[a:b] for a, b in pairwise(bounds)]


def _library_words(tokenizer: WordPiece, text: str) -> list[str]:
    normalized = tokenizer._library.normalizer.normalize_str(text)
    return [word for word, _ in tokenizer._library.pre_tokenizer.pre_tokenize_str(normalized)]


@pytest.mark.parametrize("text", [text for text in ODD + SENTENCES[:3] if "\ud800" not in text])
def test_words_of_odd_texts(small: WordPiece, text: str) -> None:
    assert _words(small, text) == _library_words(small, text)


def test_every_code_point_up_to_the_emoji(small: WordPiece) -> None:
    codes = [code for code in range(0x20000) if not 0xD800 <= code < 0xE000]
    text = "".join(f"b{chr(code)}c " for code in codes)
    assert _words(small, text) == _library_words(small, text)


@given(st.text(max_size=30))
def test_words_of_any_text(text: str) -> None:
    tokenizer = WordPiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    if unicodedata.is_normalized("NFC", text) and not any("\ud800" <= char <= "\udfff" for char in text):
        assert _words(tokenizer, text) == _library_words(tokenizer, text)


def test_the_table_is_filled_once_per_code_point(small: WordPiece) -> None:
    characters = Characters(small._library)
    first = characters.classes(code_points("가a.中 \u0000"))
    assert first.tolist() == [0, 0, 1, 1, 2, 3]
    assert np.array_equal(first, characters.classes(code_points("가a.中 \u0000")))
