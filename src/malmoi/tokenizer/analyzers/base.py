"""What every analyzer gives: morphemes with lemma, tag and characters, in columns rather than objects.

An analyzer is asked about many texts at once; a text is one line. Spans are in characters of the text as it
was handed in (NFC, see `tokenizer.composed`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Morphemes:
    """Morphemes of N texts laid end to end, M in all, in the order of the text."""

    counts: NDArray[np.int64]
    """(N,) morphemes of each text."""
    spans: NDArray[np.int32]
    """(M, 2) [start, end) in characters of the text. Fused morphemes (줬 = 주 + 었) share a span."""
    lemmas: list[str]
    """Restored forms (주, 었), jamo in the compatibility block (ㄴ, ㅂ니다)."""
    tags: list[str]
    """Sejong tags (NNG, VV, EF, …)."""

    def surfaces(self, texts: Sequence[str]) -> list[str]:
        """Each morpheme as it is written in its text."""
        owners = np.repeat(np.arange(len(self.counts)), self.counts)
        return [texts[i][a:b] for i, (a, b) in zip(owners.tolist(), self.spans.tolist(), strict=True)]


@dataclass(frozen=True, slots=True)
class Surfaces:
    """Where the surfaces of morphemes lie; fused morphemes are one. They never overlap."""

    counts: NDArray[np.int64]
    """(N,) surfaces of each text."""
    spans: NDArray[np.int32]
    """(M, 2) [start, end) in characters of the text."""


class Analyzer(Protocol):
    """Texts to morphemes."""

    @property
    def name(self) -> str:
        """A key of `ANALYZERS`."""
        ...

    @property
    def identity(self) -> dict[str, str]:
        """All that decides its answers: versions of library and dictionary, digest of the user's words."""
        ...

    def analyze(self, texts: Sequence[str]) -> Morphemes:
        """Full analysis."""
        ...

    def surfaces(self, texts: Sequence[str]) -> Surfaces:
        """The boundaries alone, where that is faster."""
        ...
