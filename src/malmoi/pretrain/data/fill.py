"""How many rows some parts make at a row length, and how full they are, before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from malmoi.pretrain.data.packing import cut_rows
from malmoi.shards.format import Part


@dataclass(frozen=True, slots=True)
class Fill:
    """`text` and `real` are shares of all places in the rows: tokens of the corpus, and those with [CLS] and
    [SEP]; the rest is padding."""

    row_len: int
    rows: int
    sequences: int
    text: float
    real: float


def fill_of(parts: Sequence[Part], row_len: int) -> Fill:
    """Cut the parts one after the other; only counts are kept."""
    rows = sequences = tokens = 0
    for part in parts:
        starts, lengths, firsts = cut_rows(part.sentences, part.documents, row_len)
        rows += len(firsts) - 1
        sequences += len(starts)
        tokens += int(lengths.sum())
    places = max(1, rows * row_len)
    return Fill(row_len, rows, sequences, tokens / places, (tokens + 2 * sequences) / places)
