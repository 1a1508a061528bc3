"""NFC in time that is linear in the text.

Python moves each mark of a run past those before it that belong behind it: a line of a million marks in the
wrong order, which any web page may hold, would take it half an hour. Sorted before, the same run is composed
in a second.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

LONG = 32  # marks in a row; the longest that a language needs are 18 (Tibetan)
_BEYOND = 0x1F000  # no mark has a code so high


def composed(text: str) -> str:
    """A text in NFC."""
    if text.isascii() or unicodedata.is_normalized("NFC", text):  # stops at the first mark in a wrong place
        return text
    return unicodedata.normalize("NFC", _long_runs().sub(_ordered, text))


def _ordered(run: re.Match[str]) -> str:
    """The marks, each in its parts, in canonical order: sorted by class, equal ones as they come (UAX 15)."""
    parts = "".join(unicodedata.normalize("NFD", mark) for mark in run[0])
    return "".join(sorted(parts, key=unicodedata.combining))


@cache
def _long_runs() -> re.Pattern[str]:
    """Runs of characters that are marks or become such (U+0F73 is no mark to Unicode, its parts are)."""
    marks = (
        chr(code)
        for code in range(0x300, _BEYOND)
        if unicodedata.combining(unicodedata.normalize("NFD", chr(code))[0])
    )
    return re.compile(f"[{''.join(marks)}]{{{LONG},}}")
