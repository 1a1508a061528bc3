"""BERT's word splitting, for a whole block of text at once: which characters stay, and where words start.

The class of a character is asked of the tokenizer's own normaliser and pre-tokeniser, once for each code
point that occurs, so it agrees with the library whatever Unicode version that was built with.
K = kept characters, W = words.
"""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer as Library

LETTER, ALONE, SPACE, DROPPED, HIDDEN, ODD, UNSEEN = range(7)
"""Part of a word; a word of its own (punctuation, hanja); white space; removed (controls); removed though
Python calls it white space (U+000B, U+0085); anything else."""
LONGEST_WORD = 100
"""Characters. A longer word is [UNK] in BERT's WordPiece; no kind learns anything from one, for it is rarely
a word, and SentencePiece's trainer takes time with the square of its length."""


@dataclass(frozen=True, slots=True)
class Words:
    """Where the words of a text lie, words in BERT's sense: between white space, punctuation and hanja."""

    kept: NDArray[np.int64]
    """(K,) position in the text of each character that white space and removed characters leave over."""
    starts: NDArray[np.int64]
    """(W,) index into `kept` of the first character of each word."""


class Characters:
    """A table from code point to class, filled as code points are met."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._table = np.full(0x110000, UNSEEN, np.uint8)

    def classes(self, codes: NDArray[np.uint32]) -> NDArray[np.uint8]:
        """The class of each code point."""
        found = self._table.take(codes)
        if found.max(initial=LETTER) == UNSEEN:
            for code in np.unique(codes[found == UNSEEN]):
                self._table[code] = self._classify(chr(code))
            found = self._table.take(codes)
        return found

    def _classify(self, char: str) -> int:
        normalized = self._library.normalizer.normalize_str(f"a{char}a")
        words = [word for word, _ in self._library.pre_tokenizer.pre_tokenize_str(normalized)]
        removed = HIDDEN if char.isspace() else DROPPED
        shapes = {f"a{char}a": LETTER, f"a {char} a": ALONE, "a a": SPACE, "aa": removed}
        return shapes.get(" ".join(words), ODD)


def code_points(text: str) -> NDArray[np.uint32]:
    """The code points of a text without lone surrogates."""
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)


def lengths_of(texts: Sequence[Sized]) -> NDArray[np.int64]:
    return np.fromiter(map(len, texts), np.int64, len(texts))


def bounds_of(lengths: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Where each of stretches laid end to end begins, and where the last one ends."""
    return np.append(0, np.cumsum(lengths, dtype=np.int64))


def line_begins(texts: Sequence[str]) -> NDArray[np.int64]:
    """Where each text begins when all are joined by newlines."""
    return bounds_of(lengths_of(texts) + 1)[:-1]


def find_words(classes: NDArray[np.uint8]) -> Words:
    """Words from the class of each character."""
    shown = classes <= SPACE
    if shown.all():
        starts, visible = mark_words(classes)
        kept = np.flatnonzero(visible)
    else:
        places = np.flatnonzero(shown)
        starts, visible = mark_words(classes[places])
        kept = places[visible]
    return Words(kept, np.flatnonzero(starts[visible]))


def mark_words(classes: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which characters start a word, and which are no white space, of a text nothing is removed from.

    Comparisons of neighbouring bytes: counting the spaces before each character took five times as long.
    """
    letters = classes == LETTER
    starts = classes == ALONE
    visible = letters | starts
    starts[:1] |= letters[:1]
    starts[1:] |= letters[1:] > letters[:-1]
    return starts, visible


def spell_words(letters: NDArray[np.uint32], sizes_W: NDArray[np.int64]) -> str:
    """Words with a space between them, from the code points of all and the length of each."""
    spelled = np.full(len(letters) + len(sizes_W), ord(" "), np.uint32)
    spelled[np.arange(len(letters)) + np.repeat(np.arange(1, len(sizes_W) + 1), sizes_W)] = letters
    return spelled[1:].tobytes().decode("utf-32-le")
