"""Tables: jamo as Unicode names them, symbols, tags."""

from __future__ import annotations

import unicodedata

from malmoi.analyzers.sejong import JAMO, SEJONG, SYMBOL_TAGS, compatible, sejong_tag, symbol_tags


def test_every_modern_jamo_goes_to_the_letter_of_its_name() -> None:
    # HANGUL CHOSEONG PIEUP, HANGUL JONGSEONG PIEUP → HANGUL LETTER PIEUP
    for code, letter in JAMO.items():
        name = unicodedata.name(chr(code)).split(" ", 2)[2]
        assert unicodedata.name(letter) == f"HANGUL LETTER {name}"
    assert len(JAMO) == 19 + 21 + 27


def test_restored_endings() -> None:
    assert compatible("\u1107니다") == compatible("\u11b8니다") == "ㅂ니다"
    assert compatible("\u11ab") == "ㄴ" and compatible("\u11af게") == "ㄹ게"
    assert compatible("었") == "었" and compatible("a1") == "a1"


def test_tags() -> None:
    found = {
        tag: sejong_tag(tag) for tag in ("NNBC", "SSO", "SSC", "SC", "VV-I", "VA-R", "MMD", "NNG", "W_URL")
    }
    assert found == {
        "NNBC": "NNB",
        "SSO": "SS",
        "SSC": "SS",
        "SC": "SP",
        "VV-I": "VV",
        "VA-R": "VA",
        "MMD": "MM",
        "NNG": "NNG",
        "W_URL": "NA",
    }


def test_symbols() -> None:
    assert symbol_tags('》(",') == ["SS", "SS", "SS", "SP"]
    assert symbol_tags("…~!@") == ["SE", "SO", "SF", "SW"]
    assert symbol_tags("a.b") is None and symbol_tags("ㅋ") is None and symbol_tags("3.5") is None
    assert set(SYMBOL_TAGS.values()) <= SEJONG
    assert not any(symbol.isalnum() or symbol.isspace() for symbol in SYMBOL_TAGS)
