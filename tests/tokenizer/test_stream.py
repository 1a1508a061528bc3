"""Words behind one space each, and the way back to the caller's characters."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, normalizers

from malmoi.tokenizer.encoding.spaces import IS_SPACE, WHITE_SPACE, make_stream, visible_span

TEXTS = st.lists(st.text(st.sampled_from("가나 \t\n\u3000\xa0\x1c\u200bZ▁👍"), max_size=12), max_size=6)


def test_white_space_is_that_of_split_and_of_the_saved_regular_expression() -> None:
    regex = normalizers.Replace(Regex(WHITE_SPACE), "")
    for code in [*range(0xD800), *range(0xE000, 0x12000)]:
        char = chr(code)
        assert bool(IS_SPACE[code]) == (not char.split()), hex(code)
        assert bool(IS_SPACE[code]) == (not regex.normalize_str(char)), hex(code)


@given(TEXTS)
@settings(deadline=None)
def test_the_stream_is_the_words_and_knows_where_they_stand(texts: list[str]) -> None:
    stream = make_stream(texts)
    assert stream.starts[-1] == len(stream.at) == len(stream.codes)
    for index, text in enumerate(texts):
        piece = slice(int(stream.starts[index]), int(stream.starts[index + 1]))
        shown = "".join(map(chr, stream.codes[piece]))
        assert shown == "".join(f" {word}" for word in text.split())
        at = stream.at[piece].tolist()
        assert at == sorted(at)
        for char, position, behind in zip(shown, at, at[1:] + at[-1:], strict=True):
            assert position == behind if char == " " else text[position] == char


def test_no_texts() -> None:
    stream = make_stream([])
    assert (stream.starts.tolist(), stream.at.tolist()) == ([0], [])
    assert np.array_equal(make_stream(["", " "]).starts, [0, 0, 0])


def test_a_span_of_white_space_is_the_character_it_leads_to() -> None:
    assert visible_span("가  나 ", 0, 3) == (0, 1)
    assert visible_span("가  나 ", 1, 2) == (3, 4)
    assert visible_span("가  나 ", 4, 5) == (3, 4)
    assert visible_span("가", 0, 0) == (0, 1)
    assert visible_span("가", 1, 1) == (0, 1)


def test_in_a_text_of_white_space_alone_a_token_keeps_its_own_span() -> None:
    assert visible_span("  ", 0, 1) == (0, 1)
    assert visible_span("  ", 1, 2) == (1, 2)
    assert visible_span(" \n\t", 0, 3) == (0, 3)
    # One that stands for nothing, as the space put before a text, has a character all the same.
    assert visible_span("  ", 0, 0) == (0, 1)
    assert visible_span("  ", 2, 2) == (1, 2)


def by_definition(text: str, start: int, end: int) -> tuple[int, int]:
    seen = [place for place, char in enumerate(text) if not char.isspace()]
    if inside := [place for place in seen if start <= place < end]:
        return inside[0], inside[-1] + 1
    if not seen:
        start = min(start, max(0, len(text) - 1))
        return start, max(end, start + 1)
    after = [place for place in seen if place >= end]
    place = after[0] if after else seen[-1]
    return place, place + 1


def test_every_span_of_every_short_text() -> None:
    for length in range(6):
        for letters in product("가 ", repeat=length):
            text = "".join(letters)
            for start in range(length + 1):
                for end in range(start, length + 1):
                    wanted = by_definition(text, start, end)
                    assert visible_span(text, start, end) == wanted, (text, start, end)
