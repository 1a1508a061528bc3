"""What a cut costs and loses, in numbers that mean the same for every kind of tokenizer.

Eojeols (white-space words) are the unit: tokens of each, and how many hold an [UNK]. Nothing here needs an
analyzer or a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from malmoi.tokenizer.base import Tokenizer
from malmoi.tokenizer_eval.cuts import CutText, Ints, TextLayout, covered
from malmoi.tokenizer_eval.texts import Texts

SPECIALS = 2  # [CLS] and [SEP] count as length, as everywhere
LIMITS = (128, 512)
QUANTILES = (50, 90, 99)
CURVE = np.unique(np.geomspace(4, 8192, 120).astype(np.int64))


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of each document (or sentence), specials included.

    Attributes:
        quantiles: by per cent.
        over: per cent of them longer than 128 and 512 tokens.
        curve: (tokens, per cent longer than that), for a plot.
    """

    mean: float
    quantiles: dict[int, int]
    over: dict[int, float]
    curve: list[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Measures:
    """Shares in per cent.

    Attributes:
        learned: entries that mean something; the rest is [unused] filling.
        used_percent: of the learned entries, those that occur in the text.
        characters_per_token: characters other than white space.
        unk_percent: [UNK] of all tokens.
        unk_eojeol_percent: eojeols that hold an [UNK]: what a reader of the model's input would miss.
        rows_per_mb: full rows of 128 and of 512 tokens that a MB of text becomes: what training costs.
    """

    vocab_size: int
    learned: int
    used_percent: float
    tokens: int
    tokens_per_eojeol: float
    characters_per_token: float
    unk_percent: float
    unk_eojeol_percent: float
    rows_per_mb: dict[int, float]
    documents: Lengths
    sentences: Lengths


def measure(tokenizer: Tokenizer, cut: CutText, layout: TextLayout, texts: Texts) -> Measures:
    tokens = len(cut.ids_T)
    unknown_T = cut.ids_T == tokenizer.special.unk
    solid = int((~layout.space_C).sum())
    per_document = [len(document) for document in texts.documents]
    ends = np.cumsum(per_document)
    totals = np.concatenate([[0], np.cumsum(cut.counts_N)])
    documents = totals[ends] - totals[ends - per_document]
    size = texts.size / 1e6
    return Measures(
        vocab_size=tokenizer.vocab_size,
        learned=tokenizer.learned,
        used_percent=_percent(len(np.unique(cut.ids_T)), tokenizer.learned),
        tokens=tokens,
        tokens_per_eojeol=round(tokens / max(1, layout.eojeols), 4),
        characters_per_token=round(solid / max(1, tokens), 4),
        unk_percent=_percent(int(unknown_T.sum()), tokens),
        unk_eojeol_percent=_percent(_eojeols_with(cut.spans_T2[unknown_T], layout), layout.eojeols),
        rows_per_mb={limit: round(tokens / (limit - SPECIALS) / size, 1) for limit in LIMITS},
        documents=measure_lengths(documents + SPECIALS),
        sentences=measure_lengths(cut.counts_N + SPECIALS),
    )


def _eojeols_with(spans_T2: Ints, layout: TextLayout) -> int:
    """Eojeols that any of the spans touches."""
    touched_C = covered(spans_T2, len(layout.space_C)) & ~layout.space_C
    numbers_C = np.cumsum(layout.begins_C)
    return len(np.unique(numbers_C[touched_C]))


def measure_lengths(lengths: Ints | Sequence[int]) -> Lengths:
    """Of at least one length."""
    ordered = np.sort(np.asarray(lengths, np.int64))
    longer = 1 - np.searchsorted(ordered, CURVE, side="right") / len(ordered)
    reaches = 2 * ordered[-1] >= CURVE
    quantiles = np.percentile(ordered, QUANTILES, method="inverted_cdf")
    return Lengths(
        mean=round(float(ordered.mean()), 2),
        quantiles=dict(zip(QUANTILES, quantiles.tolist(), strict=True)),
        over={limit: _percent(int((ordered > limit).sum()), len(ordered)) for limit in LIMITS},
        curve=[
            (int(n), round(100 * float(share), 3))
            for n, share in zip(CURVE[reaches], longer[reaches], strict=True)
        ],
    )


def _percent(part: int, whole: int) -> float:
    return round(100 * part / max(1, whole), 4)
