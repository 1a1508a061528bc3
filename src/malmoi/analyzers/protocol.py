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


@dataclass(frozen=True, slots=True)
class AnalyzerKind:
    """One kind of analyzer.

    Attributes:
        opens: "module:class" of (the user's words) → Analyzer; it raises ImportError without its library.
        packages: what pip installs its library.
        has_threads: whether it takes (words, threads) and spreads texts over them; else processes do.
        worth_remembering: whether its answers are kept in the user's cache.
    """

    opens: str
    packages: str = ""
    has_threads: bool = False
    worth_remembering: bool = False


def surfaces_of(morphemes: Morphemes) -> Surfaces:
    """The surfaces of an analysis: every span once."""
    spans = morphemes.spans
    owners = np.repeat(np.arange(len(morphemes.counts)), morphemes.counts)
    first = np.ones(len(spans), bool)
    first[1:] = (owners[1:] != owners[:-1]) | (spans[1:] != spans[:-1]).any(axis=1)
    counts = np.bincount(owners[first], minlength=len(morphemes.counts))
    return Surfaces(counts.astype(np.int64), spans[first])


def join_morphemes(parts: Sequence[Morphemes]) -> Morphemes:
    """Analyses of texts in order as one."""
    return Morphemes(
        np.concatenate([np.zeros(0, np.int64), *(part.counts for part in parts)]),
        np.concatenate([np.zeros((0, 2), np.int32), *(part.spans for part in parts)]),
        [lemma for part in parts for lemma in part.lemmas],
        [tag for part in parts for tag in part.tags],
    )


def join_surfaces(parts: Sequence[Surfaces]) -> Surfaces:
    """Surfaces of texts in order as one."""
    return Surfaces(
        np.concatenate([np.zeros(0, np.int64), *(part.counts for part in parts)]),
        np.concatenate([np.zeros((0, 2), np.int32), *(part.spans for part in parts)]),
    )
