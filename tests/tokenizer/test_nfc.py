"""Composition with a way back: NFC as Unicode has it, every character accounted for."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

import malmoi.hangul.aligned as nfc
from malmoi.hangul.aligned import all_nfc, compose, composed, is_nfc

ALPHABET = "가각뷁\u1100\u1161\u1175\u11a8\u11c2ㅋbé\u0301\u0323\u0307\u0344\u0958中Å\u200d👍\n.\u0f73\u0f71"
MIXED = st.text(st.sampled_from(ALPHABET), max_size=20)


@given(MIXED | st.text(max_size=20))
def test_composed_as_unicode_says_and_every_character_is_covered_in_order(text: str) -> None:
    composed, spans = compose(text)
    assert composed == unicodedata.normalize("NFC", text)
    assert len(spans) == len(composed)
    at = 0
    for index, (start, end) in enumerate(spans.tolist()):
        shared = index and (start, end) == tuple(spans[index - 1].tolist())
        assert shared or start == at
        assert start < end
        at = end
    assert at == len(text)


def test_a_syllable_of_jamo_is_one_character_with_all_its_jamo() -> None:
    composed, spans = compose("\u1100\u1161\u11a8 \u1100\u1161ㄱ")
    assert (composed, spans.tolist()) == ("각 가ㄱ", [[0, 3], [3, 4], [4, 6], [6, 7]])


def test_what_comes_apart_in_nfc_shares_the_whole() -> None:
    composed, spans = compose("a\u0958b")
    assert (composed, spans.tolist()) == ("a\u0915\u093cb", [[0, 1], [1, 2], [1, 2], [2, 3]])


def test_is_nfc() -> None:
    assert is_nfc("말모이 café")
    assert not is_nfc(unicodedata.normalize("NFD", "말모이"))


@given(st.lists(MIXED, max_size=6), st.integers(1, 8))
def test_asked_piece_by_piece(lines: list[str], piece: int) -> None:
    text = "\n".join(lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nfc, "PIECE", piece)
        assert all_nfc(text) == is_nfc(text)


def test_everything_that_unicode_composes() -> None:
    """Each character that comes apart is put together again, and stands for all it was made of."""
    met = 0
    for code in range(0x110000):
        char = chr(code)
        apart = unicodedata.normalize("NFD", char)
        if apart == char:
            continue
        met += 1
        whole, spans = compose(f"가{apart}나")
        together = unicodedata.normalize("NFC", char)
        assert whole == f"가{together}나", hex(code)
        assert spans[1][0] == 1 and spans[-2][1] == 1 + len(apart), hex(code)
    assert met > 13_000  # 11,172 of them Hangul


def test_composed() -> None:
    assert composed("말모이") == "말모이"
    assert composed(unicodedata.normalize("NFD", "말모이 é")) == "말모이 é"
