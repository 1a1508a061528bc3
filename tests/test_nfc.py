import unicodedata
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from malmoi.hangul.nfc import LONG, _long_runs, composed

# Classes 230, 220, 202, 240, 216; marks of several parts; a letter whose parts are marks; Hangul's tones.
MARKS = "\u0301\u0316\u0327\u0345\u031b\u0344\u0f73\u302e"


@given(st.text(st.sampled_from("aé가각한\n" + MARKS), max_size=40), st.integers(1, 60))
def test_it_is_nfc(text: str, times: int) -> None:
    assert composed(text * times) == unicodedata.normalize("NFC", text * times)


def test_a_long_run_is_ordered_before_python_sees_it() -> None:
    text = "가" + "\u0301\u0316" * LONG + "나"
    assert composed(text) == "가" + "\u0316" * LONG + "\u0301" * LONG + "나"


def test_every_mark_is_in_the_runs() -> None:
    runs = _long_runs()
    codes = chain(range(0xD800), range(0xE000, 0x110000))
    missed = [c for c in map(chr, codes) if unicodedata.combining(c) and not runs.fullmatch(c * LONG)]
    assert missed == []


def test_a_million_marks_in_the_wrong_order() -> None:
    """Python alone would take half an hour."""
    text = "e" + "\u0301\u0316" * 500_000
    assert len(composed(text)) == len(text) - 1  # é, or e with the mark below and the first above
