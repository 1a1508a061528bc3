"""Texts as SentencePiece and byte-level BPE see them: words, each behind one space; and the way back.

White space is made one by ourselves, as composing is: the libraries know the space alone, and would take a
tab or an ideographic space for a letter. N texts, S characters in the stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from malmoi.tokenizer.encoding.characters import code_points, line_begins

_SPACES = "\t\n\v\f\r \x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    chr(code) for code in range(0x2000, 0x200B)
)
IS_SPACE = np.zeros(0x110000, np.bool_)
"""White space as `str.split` has it, by code point."""
IS_SPACE[[ord(char) for char in _SPACES]] = True
WHITE_SPACE = (
    r"[\t-\r\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]+"
)
"""The same for the regular expressions of `tokenizers`."""


@dataclass(frozen=True, slots=True)
class WordStream:
    """The words of N texts laid end to end, a space before each."""

    at: NDArray[np.int32]
    """(S,) the position of each character in its own text; a space has that of the character behind it."""
    starts: NDArray[np.int64]
    """(N + 1,) where the words of each text begin in the stream, and S."""
    codes: NDArray[np.uint32]
    """(S,) the characters."""


def make_stream(texts: list[str]) -> WordStream:
    """The stream of NFC texts without lone surrogates."""
    codes = code_points("\n".join(texts))
    kept = np.flatnonzero(~IS_SPACE[codes])
    starts_word = np.ones(len(kept), np.bool_)
    np.not_equal(np.diff(kept), 1, out=starts_word[1:])
    index = np.arange(len(kept)) + np.cumsum(starts_word)
    size = len(kept) + int(np.count_nonzero(starts_word))
    at = np.empty(size, np.int64)
    at[index] = kept
    at[index[starts_word] - 1] = kept[starts_word]
    shown = np.full(size, ord(" "), np.uint32)
    shown[index] = codes[kept]
    begins = line_begins(texts)
    starts = np.append(np.append(index - 1, size)[np.searchsorted(kept, begins)], size)
    at -= np.repeat(begins, np.diff(starts))
    return WordStream(at.astype(np.int32), starts, shown)


def visible_span(text: str, start: int, end: int) -> tuple[int, int]:
    """A span without the white space at its ends; one of nothing else becomes the next visible character,
    for that is what a lone space leads to; the last one before it where the text ends. Where all of the text
    is white space it stays, or is one character if it was empty."""
    first, last = start, end
    while first < last and text[first].isspace():
        first += 1
    while first < last and text[last - 1].isspace():
        last -= 1
    if first < last:
        return first, last
    around = chain(range(first, len(text)), range(min(first, len(text)) - 1, -1, -1))
    if (seen := next((at for at in around if not text[at].isspace()), None)) is not None:
        return seen, seen + 1
    start = min(start, max(0, len(text) - 1))
    return start, max(end, start + 1)
