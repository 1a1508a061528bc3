"""Hangul has one spelling, and old Hangul keeps its letters."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.hangul import spelling
from malmoi.hangul.spelling import odd_codes, private_codes, respell, unit_edits

JAMO = (
    "가하각 ㄱㅎㅏㅡㄴㄳa"
    "\u1100\u1112\u1161\u119e\u11ab\u11f0\u115f\u1160\u3164\uffa1\uffbe\uffc2\uffa4\uffa0\u302e"
    "\ua960\ud7b0\ud7cb\uebd4"
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "\u110a\u119e미 \u1112\u119e\u11ab 글",
            "\u110a\u119e미 \u1112\u119e\u11ab 글",
        ),  # old syllables stay
        ("가\u11f0", "가\u11f0"),  # an old final under a syllable of today
        ("\u115f\u1161\u11ab", "\u115f\u1161\u11ab"),  # a syllable without its first letter
        ("\u110f\u110f\u110f", "ㅋㅋㅋ"),
        ("\u1172\u1172", "ㅠㅠ"),
        ("\u11ab다", "ㄴ다"),
        ("\u115f\u1161 \u1100\u1160", "ㅏ ㄱ"),  # one letter, written as a syllable with holes
        ("네\u119e 좋고\u11a2 두분", "네ㆍ 좋고ᆢ 두분"),
        ("\uffbe\uffc2늘", "하늘"),
        ("\uffa1\uffc2\uffa4\uffbb\uffc2", "간카"),
        ("\uffa1\uffc2\uffa4\uffc2", "가나"),  # a letter before a vowel begins the next syllable
        ("\uffa1\uffa1 \uffda\uffda", "ㄱㄱ ㅡㅡ"),
        ("내가\u3164ㅂㅘㅅ으니", "내가봣으니"),  # KS X 1001's way to write what it has no code for
        ("\u3164ㄸㅒ\u3164문에", "떄문에"),
        ("하나\u3164둘\u1160셋\uffa0넷", "하나 둘 셋 넷"),
    ],
)
def test_spellings(before: str, after: str) -> None:
    assert respell(before) == after


@given(st.text(JAMO, max_size=8))
def test_what_comes_out_is_composed_and_final(text: str) -> None:
    once = respell(unicodedata.normalize("NFC", text))
    assert unicodedata.normalize("NFC", once) == once
    assert respell(once) == once


@given(st.text("가나다 ㅋㅋㅠ漢a1.!", max_size=30))
def test_other_text_is_left_alone(text: str) -> None:
    assert respell(text) == text and not unit_edits(text)


def test_codes_of_hanyangs_fonts_stay_without_the_package_that_knows_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spelling, "_hanyang", dict)
    assert respell("나랏말\uebd4미 \uf0b7 항목") == "나랏말\uebd4미 \uf0b7 항목"
    assert set(private_codes()) <= set(odd_codes())
    assert 0xEBD4 in private_codes() and 0xF0B7 not in private_codes()  # Word's bullet


def test_codes_of_hanyangs_fonts_become_old_hangul() -> None:
    pytest.importorskip("hypua2jamo")
    assert respell("나랏말\uebd4미 \uf53a") == "나랏말\u110a\u119e미 \u1112\u119e\u11ab"
    spelled = respell("".join(map(chr, private_codes())))
    assert unicodedata.is_normalized("NFC", spelled)
    assert not set(map(ord, spelled)) & set(private_codes())
