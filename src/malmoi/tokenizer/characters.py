"""BERT's word splitting, for a whole block of text at once: which characters stay, and where words start.

The class of a character is asked of the tokenizer's own normaliser and pre-tokeniser, once for each code
point that occurs, so it agrees with the library whatever Unicode version that was built with.
K = kept characters, W = words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer as Library

LETTER, ALONE, SPACE, DROPPED, ODD, UNSEEN = range(6)
"""Part of a word; a word of its own (punctuation, hanja); white space; removed (controls); anything else."""


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
        found = self._table[codes]
        if (unseen := found == UNSEEN).any():
            for code in np.unique(codes[unseen]):
                self._table[code] = self._classify(chr(code))
            found = self._table[codes]
        return found

    def _classify(self, char: str) -> int:
        normalized = self._library.normalizer.normalize_str(f"a{char}a")
        words = [word for word, _ in self._library.pre_tokenizer.pre_tokenize_str(normalized)]
        shapes = {f"a{char}a": LETTER, f"a {char} a": ALONE, "a a": SPACE, "aa": DROPPED}
        return shapes.get(" ".join(words), ODD)


def code_points(text: str) -> NDArray[np.uint32]:
    """The code points of a text without lone surrogates."""
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)


def find_words(classes: NDArray[np.uint8]) -> Words:
    """Words from the class of each character."""
    kept = np.flatnonzero(classes <= ALONE)
    alone = classes[kept] == ALONE
    spaces_before = np.cumsum(classes == SPACE, dtype=np.int32)[kept]
    starts = np.ones(len(kept), np.bool_)
    np.not_equal(spaces_before[1:], spaces_before[:-1], out=starts[1:])
    starts |= alone
    starts[1:] |= alone[:-1]
    return Words(kept, np.flatnonzero(starts))
