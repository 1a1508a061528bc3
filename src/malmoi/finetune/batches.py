"""Encoded texts in batches drawn at random, laid flat: texts share a row where they fit, padding is its tail.

A row is as long as the batch's longest text, or half as long again; a text sees itself alone (`cu_seqlens`).
So 92 to 95 % of the tokens of MRPC, NSMC, KorSTS and Question Pair are real; with texts sorted by length
in windows of 64 batches it was 73 to 93 % (LOG.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from malmoi.model.batch import Batch
from malmoi.tasks.examples import Text
from malmoi.tokenizer.base import Tokenizer

# Shapes: N texts of a data set, B texts of a batch, R rows that they share, L tokens of a row, T = R·L.

ENCODE_AT_ONCE = 4096  # texts per call of the tokenizer, so that a bar moves and memory stays flat


@dataclass(frozen=True, slots=True)
class Encoded:
    """N encoded texts: `ids[starts[i]:starts[i + 1]]` are row i's tokens, special tokens included."""

    ids: NDArray[np.int32]
    segments: NDArray[np.uint8]
    starts: NDArray[np.int64]
    pad_id: int
    unknown: int
    """Tokens that are [UNK]."""

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.diff(self.starts)


def encode(tokenizer: Tokenizer, texts: Sequence[Text], max_len: int, *, types: int = 2) -> Encoded:
    """Encode texts (or pairs), each cut to `max_len` tokens, the longer of a pair first.

    `types` is how many token types the model knows; one that knows a single type sees 0 everywhere.
    """
    ids, segments, lengths = [], [], []
    for start in range(0, len(texts), ENCODE_AT_ONCE):
        part = tokenizer.encode_batch(texts[start : start + ENCODE_AT_ONCE], max_len=max_len)  # type: ignore[arg-type]
        ids.append(part.ids)
        segments.append(np.minimum(part.segments, types - 1).astype(np.uint8))
        lengths.append(np.diff(part.cu_seqlens))
    if not texts:
        return Encoded(
            np.zeros(0, np.int32), np.zeros(0, np.uint8), np.zeros(1, np.int64), tokenizer.special.pad, 0
        )
    all_ids = np.concatenate(ids)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(lengths))])
    unknown = int((all_ids == tokenizer.special.unk).sum())
    return Encoded(all_ids, np.concatenate(segments), starts, tokenizer.special.pad, unknown)


def epoch_batches(texts: int, batch_size: int, seed: int, epoch: int) -> list[NDArray[np.int64]]:
    """The texts of each update: every text once, in an order given by (seed, epoch) alone."""
    order = np.random.Generator(np.random.PCG64([seed, epoch])).permutation(texts)
    return [order[i : i + batch_size] for i in range(0, texts, batch_size)]


def within_budget(
    rows: NDArray[np.int64], lengths: NDArray[np.int64], tokens: int
) -> Iterator[NDArray[np.int64]]:
    """Cut rows, shortest first, into pieces of at most `tokens` padded tokens (one row at least)."""
    rows = rows[np.argsort(lengths[rows], kind="stable")]
    start = 0
    while start < len(rows):
        stop = start + 1
        while stop < len(rows) and (stop + 1 - start) * row_length(int(lengths[rows[stop]])) <= tokens:
            stop += 1
        yield rows[start:stop]
        start = stop


def row_length(longest: int) -> int:
    """The next multiple of 8: bf16 matrix units want it, and shapes repeat."""
    return -(-longest // 8) * 8


def pack(lengths: NDArray[np.int64], row_len: int) -> tuple[NDArray[np.int64], int]:
    """(starts_B into T, R): where texts begin that share R rows of `row_len` tokens, each whole in one row.

    First fit, longest first: at most 11/9 of the fewest rows, and one more (Johnson et al. 1974).
    """
    used_R = np.zeros(len(lengths), np.int64)
    starts_B = np.empty(len(lengths), np.int64)
    rows = 0
    for i in np.argsort(-lengths, kind="stable"):
        row = int(np.argmax(used_R[: rows + 1] + lengths[i] <= row_len))  # the row after the last is empty
        rows = max(rows, row + 1)
        starts_B[i] = row * row_len + used_R[row]
        used_R[row] += lengths[i]
    return starts_B, rows


def lay_flat(encoded: Encoded, texts: NDArray[np.int64]) -> tuple[Batch, Tensor]:
    """A batch of these texts, one sequence each, and where their first tokens stand, `firsts_B`."""
    firsts_B, R, L = _share_rows(encoded.lengths[texts])
    return _laid(encoded, texts, firsts_B, R, L)


def in_pieces(
    encoded: Encoded, texts: NDArray[np.int64], tokens: int
) -> Iterator[tuple[NDArray[np.int64], Batch, Tensor]]:
    """The texts of one update as micro-batches of at most `tokens` tokens, padding included, or of one row:
    (texts, batch, firsts_B) of each.

    Texts share rows as if there were one batch, and the rows are dealt out: each meets the same dropout
    however many come at once.
    """
    firsts_B, R, L = _share_rows(encoded.lengths[texts])
    rows_B = firsts_B // L
    order = np.argsort(firsts_B, kind="stable")
    size = max(1, tokens // L)
    for first in range(0, R, size):
        count = min(size, R - first)
        part = order[(rows_B[order] >= first) & (rows_B[order] < first + count)]
        yield texts[part], *_laid(encoded, texts[part], firsts_B[part] - first * L, count, L)


def _share_rows(lengths_B: NDArray[np.int64]) -> tuple[NDArray[np.int64], int, int]:
    """(firsts_B into T, R, L): the longest text's rows or half as long again, whatever takes fewer tokens."""
    longest = int(lengths_B.max())
    packed = [(*pack(lengths_B, L), L) for L in (row_length(longest), row_length(longest * 3 // 2))]
    return min(packed, key=lambda one: one[1] * one[2])


def _laid(
    encoded: Encoded, texts: NDArray[np.int64], firsts_B: NDArray[np.int64], R: int, L: int
) -> tuple[Batch, Tensor]:
    lengths_B = encoded.lengths[texts]
    T = R * L
    # Of each token, text after text: its place in its text, in the data set and in the batch.
    positions = np.arange(lengths_B.sum()) - np.repeat(np.cumsum(lengths_B) - lengths_B, lengths_B)
    sources = positions + np.repeat(encoded.starts[texts], lengths_B)
    places = positions + np.repeat(firsts_B, lengths_B)
    # A row's tail is a sequence of its own, and no text attends to it. All of it is at position 0: it may be
    # longer than the model has positions.
    used_R = np.zeros(R, np.int64)
    np.maximum.at(used_R, firsts_B // L, firsts_B % L + lengths_B)
    ids_T = np.full(T, encoded.pad_id, np.int64)
    segments_T = np.zeros(T, np.int64)
    positions_T = np.zeros(T, np.int64)
    ids_T[places] = encoded.ids[sources]
    segments_T[places] = encoded.segments[sources]
    positions_T[places] = positions
    cuts = np.unique(np.concatenate([firsts_B, np.arange(R) * L + used_R]))
    cu_seqlens = np.full(2 * len(texts) + 1, T, np.int32)
    cu_seqlens[: len(cuts)] = cuts
    batch = Batch(
        ids_T=torch.from_numpy(ids_T),
        positions_T=torch.from_numpy(positions_T),
        segments_T=torch.from_numpy(segments_T),
        cu_seqlens=torch.from_numpy(cu_seqlens),
        row_len=L,
    )
    return batch, torch.from_numpy(firsts_B)
