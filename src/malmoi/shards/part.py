"""One part of the shards: its four arrays, and what the bits of a flag mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STARTS_WORD = 1
"""Flag bit 0: the token starts an eojeol (it follows white space or begins its line)."""
STARTS_MORPHEME = 2
"""Flag bit 1: the token starts a morpheme; equal to bit 0 for tokenizers that know no morphemes."""


@dataclass(frozen=True)
class Part:
    """One part of T tokens, S sentences, D documents; the arrays are memory-mapped and read-only."""

    name: str
    ids: NDArray[np.unsignedinteger]
    """(T,) uint16, or uint32 above 65,535 entries; no special tokens but [UNK]."""
    flags: NDArray[np.uint8]
    """(T,) STARTS_WORD | STARTS_MORPHEME."""
    sentences: NDArray[np.int64]
    """(S + 1,) token offset where each sentence starts, and T."""
    documents: NDArray[np.int64]
    """(D + 1,) token offset where each document starts, and T."""
