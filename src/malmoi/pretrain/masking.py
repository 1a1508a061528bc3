"""Which tokens are predicted and what stands in their place, as a pure function of (seed, row)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from malmoi.pretrain.noise import uniforms, words
from malmoi.special import SpecialIds

I64 = NDArray[np.int64]

# Streams of independent random numbers drawn for one row.
CHOOSE, REPLACE, TOKEN = 1, 2, 3


@dataclass(frozen=True)
class Masked:
    """R rows after masking; C = slots per row (a cap), unused slots weigh 0 and point at position 0."""

    ids_RL: I64
    slots_RC: I64  # position in the row
    labels_RC: I64  # the original token there
    weights_RC: NDArray[np.float32]


def slot_cap(row_len: int, rate: float) -> int:
    """Slots every row carries, so that shapes never change: ceil(rate · (L − 2)) and at least 1."""
    return max(1, math.ceil(rate * (row_len - 2)))


def choose_slots(
    maskable_RL: NDArray[np.bool_], scores_RL: NDArray[np.float64], rate: float
) -> tuple[I64, I64]:
    """The k maskable positions of each row with the lowest scores, in order of score.

    k = round(rate · maskable), at least 1 where there is anything to mask (BERT, create_pretraining_data.py).
    Returns slots (R, C) and k (R,).
    """
    cap = slot_cap(maskable_RL.shape[1], rate)
    available = maskable_RL.sum(1)
    k = np.minimum(np.maximum(1, np.rint(rate * available).astype(np.int64)), np.minimum(cap, available))
    order = np.argsort(np.where(maskable_RL, scores_RL, 2.0), axis=1, kind="stable")[:, :cap]
    return order, k


def mask_rows(
    ids_RL: I64, rows_R: I64, seed: int, *, rate: float, special: SpecialIds, vocab_size: int
) -> Masked:
    """BERT's masking (Devlin et al. 2019, section 3.1): of the chosen tokens 80 % become [MASK], 10 % a
    random token, 10 % stay. `rows_R` are the numbers of the rows, which with `seed` decide everything."""
    row_len = ids_RL.shape[1]
    maskable = ~np.isin(ids_RL, (special.pad, special.cls, special.sep))
    rows = rows_R[:, None]
    slots, k = choose_slots(maskable, uniforms(seed, CHOOSE, rows, np.arange(row_len)[None]), rate)
    used = np.arange(slots.shape[1])[None] < k[:, None]
    slots = np.where(used, slots, 0)
    labels = np.take_along_axis(ids_RL, slots, 1)
    lot = uniforms(seed, REPLACE, rows, slots)
    draws = _draw_tokens(words(seed, TOKEN, rows, slots), special, vocab_size)
    filled = np.where(lot < 0.8, special.mask, np.where(lot < 0.9, draws, labels))
    out = ids_RL.copy()
    r, c = np.nonzero(used)
    out[r, slots[r, c]] = filled[r, c]
    return Masked(out, slots, labels, used.astype(np.float32))


def _draw_tokens(numbers: NDArray[np.uint64], special: SpecialIds, vocab_size: int) -> I64:
    """Any token but the special ones, each as likely; peers' special ids may stand anywhere."""
    taken = sorted({special.pad, special.unk, special.cls, special.sep, special.mask})
    if len(taken) >= vocab_size:  # a vocabulary of nothing else
        taken = []
    draws = (numbers % np.uint64(vocab_size - len(taken))).astype(np.int64)
    for token in taken:
        draws += draws >= token
    return draws


@dataclass(frozen=True)
class Drawn:
    """R rows after ELECTRA's masking; unused slots weigh 0 and point at position 0."""

    ids_RL: I64
    slots_RC: I64
    labels_RC: I64
    weights_RC: NDArray[np.float32]
    firsts_RC: I64  # the first slot of the row that drew the same position


def draw_slots(ids_RL: I64, rows_R: I64, seed: int, *, rate: float, special: SpecialIds) -> Drawn:
    """ELECTRA's masking (google-research/electra, pretrain/pretrain_helpers.py, `mask`).

    Of each row's n real tokens k = max(1, min(C, round(rate · n))) are drawn, C = int((rate + .005) · L),
    *with* replacement, never [CLS], [SEP], [MASK] or padding. 85 % of the draws become [MASK], 15 % stay;
    none becomes a random token. All k are predicted and may be replaced. Where the original averages what
    was sampled for a position drawn twice, the first draw counts here.
    """
    row_len = ids_RL.shape[1]
    cap = max(1, int((rate + 0.005) * row_len))
    maskable = ~np.isin(ids_RL, (special.pad, special.cls, special.sep, special.mask))
    available = maskable.sum(1)
    real = (ids_RL != special.pad).sum(1)
    k = np.minimum(np.maximum(1, np.rint(rate * real).astype(np.int64)), cap) * (available > 0)
    used = np.arange(cap)[None] < k[:, None]
    rows, draws = rows_R[:, None], np.arange(cap)[None]
    candidates_RL = np.argsort(~maskable, axis=1, kind="stable")
    drawn = (uniforms(seed, CHOOSE, rows, draws) * available[:, None]).astype(np.int64)
    slots = np.where(used, np.take_along_axis(candidates_RL, drawn, 1), 0)
    labels = np.take_along_axis(ids_RL, slots, 1)
    masked = used & (uniforms(seed, REPLACE, rows, draws) < 0.85)
    out = ids_RL.copy()
    r, c = np.nonzero(masked)
    out[r, slots[r, c]] = special.mask
    firsts = (slots[:, :, None] == slots[:, None, :]).argmax(2)
    return Drawn(out, slots, labels, used.astype(np.float32), firsts)
