"""What shards hold, counted: tokens, words, lengths, how often each entry occurs.

Reads part after part through fresh maps, some million entries at a time: memory stays flat (a part's pages
at most) and time goes with the tokens, however large the shards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from malmoi.progress import SILENT, Reporter
from malmoi.shards.faults import AT_ONCE, pieces
from malmoi.shards.format import STARTS_MORPHEME, STARTS_WORD, Part, Shards, open_part

QUANTILES = {"q10": 0.1, "median": 0.5, "q90": 0.9, "q99": 0.99}
LONGEST = 1 << 20
"""Lengths are counted up to here (8 MB of counters); longer ones count as this long."""


@dataclass
class LengthCounts:
    """How many sentences or documents have how many tokens."""

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(LONGEST + 1, np.int64))
    longest: int = 0

    def add(self, offsets: NDArray[np.int64]) -> None:
        for at in range(0, len(offsets) - 1, AT_ONCE):
            lengths = np.diff(offsets[at : at + AT_ONCE + 1])
            self.longest = max(self.longest, int(lengths.max()))
            found = np.bincount(np.minimum(lengths, LONGEST))
            self.counts[: len(found)] += found

    def told(self) -> dict[str, float]:
        """Mean, quantiles (the smallest length that at least that share does not exceed), longest."""
        total, cumulated = int(self.counts.sum()), np.cumsum(self.counts)
        if not total:
            return {}
        mean = float(self.counts @ np.arange(LONGEST + 1)) / total
        ranks = {name: int(np.searchsorted(cumulated, share * total)) for name, share in QUANTILES.items()}
        return {"mean": round(mean, 2), **ranks, "longest": self.longest}


@dataclass(frozen=True, slots=True)
class Stats:
    """Of training or held-out parts. V entries."""

    parts: int
    tokens: int
    sentences: int
    documents: int
    words: int
    """Tokens that start an eojeol."""
    morphemes: int
    """Tokens that start a morpheme."""
    sentence_lengths: dict[str, float]
    document_lengths: dict[str, float]
    counts_V: NDArray[np.int64]
    """How often each entry occurs."""


def count_shards(shards: Shards, parts: Sequence[Part], reporter: Reporter = SILENT) -> Stats:
    """Count some parts of `shards`."""
    counts_V = np.zeros(shards.vocab_size, np.int64)
    sentences, documents = LengthCounts(), LengthCounts()
    words = morphemes = 0
    with reporter.step("shards.counting", total=sum(len(p.ids) for p in parts), unit="token") as step:
        for name in [part.name for part in parts]:
            part = open_part(shards.folder / name, shards.vocab_size)
            for _, ids in pieces(part.ids):
                counts_V += np.bincount(ids, minlength=shards.vocab_size)
                step.advance(len(ids), name)
            for _, flags in pieces(part.flags):
                words += int(np.count_nonzero(flags & STARTS_WORD))
                morphemes += int(np.count_nonzero(flags & STARTS_MORPHEME))
            sentences.add(part.sentences)
            documents.add(part.documents)
    return Stats(
        parts=len(parts),
        tokens=int(counts_V.sum()),
        sentences=int(sentences.counts.sum()),
        documents=int(documents.counts.sum()),
        words=words,
        morphemes=morphemes,
        sentence_lengths=sentences.told(),
        document_lengths=documents.told(),
        counts_V=counts_V,
    )
