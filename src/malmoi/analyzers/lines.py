"""Texts of any kind as lines that the libraries can take, character for character: white space and what would
break a C string replaced one to one, texts that are too long cut into pieces. So a span in a line is a span
in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

# Mecab looks from every character to the end of its run of letters: a run costs the square of its length,
# 8 ms at 4,000 characters and ten minutes at a million.
LONGEST = 4_000
CHUNK = 1_000_000  # characters analyzed at once; Mecab's answers take about 40 bytes for each

# What `str.isspace` calls white space, besides the space itself.
_SPACE = "\t-\r\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_ODD = re.compile(f"[\x00{_SPACE}\ud800-\udfff]")
_SENTENCE_END = re.compile(r"[.!?…。][\"'”’)\]]* ")

Spans = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Lines:
    """L lines of N texts."""

    lines: list[str]
    owners: NDArray[np.int64]
    """(L,) the text of each line."""
    offsets: NDArray[np.int32]
    """(L,) where each line starts in its text."""


def in_chunks(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in order, a chunk at a time; at least one chunk, which may be empty."""
    chunk: list[str] = []
    room = CHUNK
    for text in texts:
        if chunk and room < len(text):
            yield chunk
            chunk, room = [], CHUNK
        chunk.append(text)
        room -= len(text) + 1
    yield chunk


def as_line(text: str) -> str:
    """White space as spaces, NUL as U+0001 (it ends a C string), lone surrogates as U+FFFD."""
    return _ODD.sub(_replacement, text) if _ODD.search(text) else text


def _replacement(found: re.Match[str]) -> str:
    character = found.group()
    return " " if character.isspace() else "\x01" if character == "\0" else "\ufffd"


def as_lines(texts: list[str], whole: Callable[[str], Spans] | None = None) -> Lines:
    """The lines of texts. `whole` names the spans of a text that no cut may go through."""
    if _ODD.search("".join(texts)):
        texts = [as_line(text) for text in texts]
    if max(map(len, texts), default=0) <= LONGEST:
        return Lines(texts, np.arange(len(texts)), np.zeros(len(texts), np.int32))
    lines: list[str] = []
    owners: list[int] = []
    offsets: list[int] = []
    for owner, text in enumerate(texts):
        cuts = _cuts(text, whole(text) if whole and len(text) > LONGEST else ())
        lines += [text[a:b] for a, b in pairwise(cuts)]
        owners += [owner] * (len(cuts) - 1)
        offsets += cuts[:-1]
    return Lines(lines, np.asarray(owners, np.int64), np.asarray(offsets, np.int32))


def _cuts(text: str, whole: Spans) -> list[int]:
    """Where the lines of a text start, and its end: behind a sentence, else a word, else anywhere."""
    inside = {at for start, end in whole for at in range(start + 1, end)}
    cuts = [0]
    while len(text) - cuts[-1] > LONGEST:
        low, high = cuts[-1] + LONGEST // 2, cuts[-1] + LONGEST
        ends = [found.end() for found in _SENTENCE_END.finditer(text, low, high)]
        space = text.rfind(" ", low, high)
        cut = ends[-1] if ends else space + 1 if space >= 0 else high
        while cut in inside and cut > cuts[-1] + 1:
            cut -= 1
        cuts.append(cut)
    return [*cuts, len(text)]
