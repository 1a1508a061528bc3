"""How well token boundaries agree with morpheme boundaries, inside eojeols only.

What begins with its eojeol is found by every tokenizer and would flatter all of them. An [UNK] that swallows
its word has no boundaries inside, so it costs recall.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from malmoi.analyzers.protocol import Analyzer
from malmoi.tokenizer_eval.cuts import Bools, CutText, TextLayout, inner_starts, starts_of


@dataclass(frozen=True, slots=True)
class Boundaries:
    """In per cent. `precision`: token boundaries that are morpheme boundaries; `recall`: the other way
    round."""

    precision: float
    recall: float
    f1: float


def reference(analyzer: Analyzer, lines: Sequence[str], layout: TextLayout) -> Bools:
    """(C,) where a morpheme begins inside an eojeol; the lines must be NFC."""
    found = analyzer.surfaces(list(lines))
    begins = np.repeat(starts_of(lines), found.counts)
    return inner_starts(found.spans[:, 0] + begins, layout)


def agreement(cut: CutText, layout: TextLayout, reference_C: Bools) -> Boundaries:
    """All three of the same lines."""
    cut_C = inner_starts(cut.spans_T2[:, 0], layout)
    both = int((cut_C & reference_C).sum())
    precision = both / max(1, int(cut_C.sum()))
    recall = both / max(1, int(reference_C.sum()))
    f1 = 2 * precision * recall / (precision + recall) if both else 0.0
    return Boundaries(*(round(100 * value, 2) for value in (precision, recall, f1)))
