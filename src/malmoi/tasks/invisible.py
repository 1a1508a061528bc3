"""Characters that nobody sees: a text without them, or with them made visible."""

from __future__ import annotations

import unicodedata
from functools import cache

# Fillers of Hangul, the joiner of graphemes and variation selectors are letters or marks to Unicode.
UNSEEN = frozenset(["\u034f", "\u115f", "\u1160", "\u3164", "\uffa0", *map(chr, range(0xFE00, 0xFE10))])


def visible(text: str) -> str:
    """The text without zero-width and other invisible characters; white space stays."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(character for character in text if not _is_unseen(character))


@cache
def is_seen(character: str) -> bool:
    """Whether a character leaves a mark: neither white space nor invisible."""
    return not character.isspace() and not _is_unseen(character)


def revealed(text: str) -> str:
    """The text with escapes (`\\u200b`) for what cannot be seen, and for spaces that look like another."""
    return "".join(
        c.encode("unicode_escape").decode() if _is_unseen(c) or (c.isspace() and c != " ") else c
        for c in text
    )


@cache
def _is_unseen(character: str) -> bool:
    return character in UNSEEN or (
        unicodedata.category(character) in ("Cc", "Cf") and not character.isspace()
    )
