"""NFC with a way back: composed text, and for each composed character the characters it came from.

We do it ourselves because the library's own NFC step gives wrong offsets on decomposed input, which is what
macOS file names and many PDF extracts hold.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import numpy as np
from numpy.typing import NDArray

from malmoi.hangul.nfc import composed

PIECE = 2_048


def is_nfc(text: str) -> bool:
    return text.isascii() or unicodedata.is_normalized("NFC", text)


def all_nfc(text: str) -> bool:
    """`is_nfc` of a long text, asked piece by piece: one combining mark makes Python normalise all it was
    asked about, and the marks of a corpus stand in few of its lines."""
    at = 0
    while at < len(text):
        end = text.find("\n", at + PIECE) + 1 or len(text)  # nothing joins a newline
        if not is_nfc(text[at:end]):
            return False
        at = end
    return True


def compose(text: str) -> tuple[str, NDArray[np.int32]]:
    """NFC of a text, and an array (C, 2): the [start, end) each composed character has in `text`.

    Where a base and its marks become fewer characters, the first takes what the others leave; where they
    become more (composition exclusions such as U+0958), all share the whole.
    """
    parts: list[str] = []
    spans: list[tuple[int, int]] = []
    for match in _clusters().finditer(text):
        start, end = match.span()
        put = composed(match[0])
        parts.append(put)
        spare = (end - start) - len(put)
        if spare < 0:
            spans += [(start, end)] * len(put)
            continue
        spans.append((start, start + 1 + spare))
        spans += [(at, at + 1) for at in range(start + 1 + spare, end)]
    return "".join(parts), np.array(spans, np.int32).reshape(-1, 2)


def through(way_back: NDArray[np.int32], spans: NDArray[np.int32]) -> NDArray[np.int32]:
    """Spans (T, 2) in a rewritten text as spans of the original; `way_back` (C, 2) has the [start, end) of
    each rewritten character. Spans are not empty."""
    return np.stack([way_back[spans[:, 0], 0], way_back[spans[:, 1] - 1, 1]], axis=1)


@cache
def _clusters() -> re.Pattern[str]:
    """A character and all that may join it: marks, and the second halves of compositions (vowels, finals)."""
    joiners = {chr(code) for code in range(0x1161, 0x1176)} | {chr(code) for code in range(0x11A8, 0x11C3)}
    for code in [*range(0x20000), *range(0xE0000, 0xE1000)]:
        char = chr(code)
        if unicodedata.combining(unicodedata.normalize("NFD", char)[0]):
            joiners.add(char)
        decomposed = unicodedata.decomposition(char)
        if decomposed and not decomposed.startswith("<"):
            joiners.update(chr(int(part, 16)) for part in decomposed.split()[1:])
    return re.compile(f".[{re.escape(''.join(sorted(joiners)))}]*", re.DOTALL)
