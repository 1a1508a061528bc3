"""Characters as numbers: a single table look-up drops, replaces or classifies every character of a block.

numpy over UTF-32 in blocks that stay in the cache: `np.take` does 1.9 GB/s of UTF-8 (indexing with brackets
0.16: it makes the codes 64 bits wide first). Rust's regular expressions have no backreference, so squeezing
repeated characters lives here too.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from malmoi.hangul.nfc import composed
from malmoi.hangul.spelling import odd_codes, private_codes, private_edits, respell, unit_edits
from malmoi.readers.mojibake import rare_syllables

Codes = npt.NDArray[np.uint32]
Places = npt.NDArray[np.int64]
NOWHERE: Places = np.zeros(0, np.int64)
SIZE = 0x110000
NEWLINE = 10
ZWJ, VS16 = 0x200D, 0xFE0F
ODD = 1 << 31


def codes(text: str) -> Codes:
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)


def to_text(values: Codes) -> str:
    return values.tobytes().decode("utf-32-le")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A text with its characters cleaned: `respelled` is the text once Hangul has one spelling, changed at
    the [start, end) of `edits` in the original; `hidden` and `repeated` are the characters of `respelled`
    that were dropped and squeezed; `private` of Hanyang's codes are left."""

    text: str
    respelled: str
    edits: list[tuple[int, int]]
    hidden: Places
    repeated: Places
    private: int


def clean_characters(text: str, repeats: int) -> Cleaned:
    """Give Hangul one spelling, drop or replace what no reader sees, squeeze repeats to `repeats` (0: leave
    them)."""
    found = codes(text)
    values = np.take(_replacement(), found)
    edits: list[tuple[int, int]] = []
    private = 0
    if len(values) and values.max() >= ODD:
        text, edits = _respelled(text, np.flatnonzero(values >= ODD))
        found = codes(text)
        values = np.take(_replacement(), found)
        private = int(np.isin(found[values >= ODD], private_codes()).sum())
        values &= np.uint32(ODD - 1)
    joiner = (found == ZWJ) | (found == VS16)
    if joiner.any():  # part of an emoji (👨‍👩‍👧), otherwise rubbish
        before = np.concatenate((found[:1], found[:-1]))
        values[joiner & ~_pictograph(before)] = 0
    visible = values != 0
    hidden = NOWHERE if visible.all() else np.flatnonzero(~visible)
    if len(hidden):
        values = values[visible]
    extra = _extra(values, repeats)
    repeated = np.flatnonzero(visible)[extra] if len(hidden) else extra
    if len(extra):
        values = np.delete(values, extra)
    if not len(hidden) and not len(extra) and np.array_equal(values, found):
        return Cleaned(text, text, edits, hidden, repeated, private)
    cleaned = to_text(values)
    if len(hidden):  # what was between a letter and its mark may be gone
        cleaned = composed(cleaned)
    return Cleaned(cleaned, text, edits, hidden, repeated, private)


def _respelled(text: str, odd: Places) -> tuple[str, list[tuple[int, int]]]:
    """The text with the lines respelled that have odd characters, and where they were: numpy finds these
    characters in a block six times as fast as `re`."""
    parts: list[str] = []
    edits: list[tuple[int, int]] = []
    at = 0
    for place in odd.tolist():
        if place < at:
            continue
        start = text.rfind("\n", at, place) + 1 or at
        end = text.find("\n", place) + 1 or len(text)
        line = text[start:end]
        spelled = respell(line)
        if spelled != line:
            spans = sorted((a, b) for a, b, _ in (*private_edits(line), *unit_edits(line)))
            edits += [(start + a, start + b) for a, b in spans]
        parts += (text[at:start], spelled)
        at = end
    return "".join((*parts, text[at:])), edits


def _extra(values: Codes, repeats: int) -> Places:
    """Where a character follows `repeats` of the same."""
    if not repeats or len(values) <= repeats:
        return NOWHERE
    same = values[1:] == values[:-1]
    run = same[repeats - 1 :].copy()  # run[i]: values[i … i+repeats] are all the same
    for shift in range(1, repeats):
        run &= same[repeats - 1 - shift : len(same) - shift]
    extra = np.flatnonzero(run) + repeats
    return extra[np.take(_squeezable(), values[extra])]


def _pictograph(values: Codes) -> npt.NDArray[np.bool_]:
    symbol = (values >= 0x2190) & (values <= 0x2BFF)
    keycap = (values >= 0x23) & (values <= 0x39)
    found: npt.NDArray[np.bool_] = symbol | keycap | (values >= 0x1F000) | (values == VS16) | (values == ZWJ)
    return found


@cache
def _replacement() -> Codes:
    """Code point → its replacement; 0 drops it. ODD marks those that `hangul` has to see first."""
    table = np.arange(SIZE, dtype=np.uint32)
    table[:0x20] = 0
    table[0x7F:0xA0] = 0
    for first, last in (
        (0xAD, 0xAD),  # soft hyphen
        (0x200B, 0x200C),  # zero-width space and non-joiner
        (0x200E, 0x200F),  # direction marks; U+200E broke answer spans of KorQuAD readers (naver/claf#4)
        (0x202A, 0x202E),
        (0x2060, 0x206F),
        (0xD800, 0xF8FF),  # surrogates, private use: icons and pre-Unicode fonts
        (0xFDD0, 0xFDEF),
        (0xFE00, 0xFE0E),
        (0xFEFF, 0xFEFF),
        (0xFFF9, 0xFFFC),
        (0xFFFE, 0xFFFF),
        (0xE0000, SIZE - 1),
    ):
        table[first : last + 1] = 0
    for code in (0x9, 0xB, 0xC, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000):
        table[code] = 0x20
    for code in (NEWLINE, 0x85, 0x2028, 0x2029):
        table[code] = NEWLINE
    table[0x1E] = 0x1E  # separates documents
    table[private_codes()] = private_codes()
    table[odd_codes()] |= ODD
    return table


@cache
def _squeezable() -> npt.NDArray[np.bool_]:
    """Everything but digits (1,000,000), spaces, line and document ends."""
    table = np.ones(SIZE, np.bool_)
    table[:0x21] = False
    table[0x30:0x3A] = False
    return table


HANGUL, SYMBOL, SPACE = 0, 20, 40  # bit offsets: three counts of up to 2^20 packed in one sum


@cache
def _classes() -> npt.NDArray[np.int64]:
    table = np.zeros(SIZE, np.int64)
    table[0xAC00:0xD7A4] = 1 << HANGUL
    table[0x20] = 1 << SPACE
    for code in (
        *range(0x21, 0x3131),
        *range(0x318F, 0x3400),
        *range(0xA000, 0xAC00),
        *range(0xFB00, 0xFFFE),
    ):
        if unicodedata.category(chr(code))[0] in "PS":
            table[code] = 1 << SYMBOL
    table[0x1F000:0x1FB00] = 1 << SYMBOL
    return table


def line_counts(text: str) -> dict[str, npt.NDArray[np.int64]]:
    """Per line of `text` (lines joined by "\\n"): characters, and of them hangul, symbols, spaces.

    Hangul is whole syllables: ㅁㄴㅇㄹ and ㅋㅋㅋ are not language yet.
    """
    values = codes(text)
    ends = np.concatenate((np.flatnonzero(values == NEWLINE), [len(values)]))
    starts = np.concatenate(([0], ends[:-1] + 1))
    sums = np.concatenate(([0], np.cumsum(np.take(_classes(), values))))
    # Wrap-around of the packed sums cancels in the difference; a line is shorter than 2^20 characters.
    packed = sums[ends] - sums[starts]
    mask = (1 << 20) - 1
    rare = np.take(rare_syllables(), values)
    return {
        "chars": ends - starts,
        "hangul": packed >> HANGUL & mask,
        "symbols": packed >> SYMBOL & mask,
        "spaces": packed >> SPACE & mask,
        "rare": np.bincount(np.searchsorted(ends, np.flatnonzero(rare)), minlength=len(ends)),
    }
