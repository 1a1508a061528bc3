"""What each entry of a vocabulary spells, so that ids can be held against the letters of the text.

A fast library that answers with another entry of the same length would otherwise teach a model wrong words,
unseen: lengths agree, spans agree, and a sample of lines may not meet the entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from malmoi.tokenizer.encoding.characters import bounds_of

# Shapes: T tokens, K letters (code points or bytes) of all words laid end to end.


class Spelling:
    """The letters of all entries, end to end, and where each entry's begin.

    Args:
        letters: code points or bytes.
        sizes: how many of them each entry has, in order of the ids.
    """

    def __init__(self, letters: NDArray[np.unsignedinteger[Any]], sizes: Sequence[int]) -> None:
        self._letters = letters
        self._begins = bounds_of(np.asarray(sizes))[:-1].astype(np.int32)

    def wrong(
        self,
        ids: NDArray[np.int32],
        sizes_T: NDArray[np.integer[Any]],
        ends_T: NDArray[np.integer[Any]],
        letters_K: NDArray[np.unsignedinteger[Any]],
    ) -> NDArray[np.int64]:
        """Where in a text's letters the tokens spell another letter.

        Args:
            sizes_T: letters that each token stands for, and `ends_T` their running sum; it ends with K.

        Each letter's place in the table is the one before plus 1, but for a jump where a token begins.
        """
        if not len(ids):
            return np.zeros(0, np.int64)
        begins_T = self._begins.take(ids)
        jumps_T = begins_T.copy()
        jumps_T[1:] -= begins_T[:-1] + sizes_T[:-1] - 1
        places_K = np.ones(len(letters_K), np.int32)
        places_K[ends_T - sizes_T] = jumps_T
        np.cumsum(places_K, out=places_K)
        # [UNK] may stand for more letters than are left in the table; they are wrong whatever is there.
        return np.flatnonzero(self._letters.take(places_K, mode="clip") != letters_K)
