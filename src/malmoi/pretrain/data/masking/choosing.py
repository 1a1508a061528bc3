"""What maskings have in common: how many slots a row has, and the maskable tokens that fill them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from malmoi.pretrain.data.masking.protocol import Draw, Masked
from malmoi.pretrain.data.random_bits import Stream, random_bits, uniforms

I64 = NDArray[np.int64]


def slot_cap(most: int, rate: float) -> int:
    """Slots every row carries, so that shapes never change: ceil(rate · most) and at least 1, for rows that
    count at most `most` tokens."""
    return max(1, math.ceil(rate * most))


def choose_slots(
    maskable_RL: NDArray[np.bool_],
    scores_RL: NDArray[np.float64],
    rate: float,
    counted_R: I64 | None = None,
) -> tuple[I64, I64]:
    """The k maskable positions of each row with the lowest scores, in order of score.

    k = round(rate · n), at least 1 where there is anything to mask; n are the row's maskable tokens or, where
    they are given, `counted_R`. Returns slots (R, C) and k (R,).
    """
    row_len = maskable_RL.shape[1]
    cap = slot_cap(row_len - 2 if counted_R is None else row_len, rate)
    available = maskable_RL.sum(1)
    wanted = np.rint(rate * (available if counted_R is None else counted_R)).astype(np.int64)
    k = np.minimum(np.maximum(1, wanted), np.minimum(cap, available))
    order = np.argsort(np.where(maskable_RL, scores_RL, 2.0), axis=1, kind="stable")[:, :cap]
    return order, k


def replace_chosen(ids_RL: I64, slots_RC: I64, k_R: I64, draw: Draw, reserved: tuple[int, ...]) -> Masked:
    """Mask the first k slots of each row as BERT does (Devlin et al. 2019, section 3.1): 80 % become [MASK],
    10 % a random token that is not `reserved`, 10 % stay."""
    rows = draw.rows_R[:, None]
    used = np.arange(slots_RC.shape[1])[None] < k_R[:, None]
    slots = np.where(used, slots_RC, 0)
    labels = np.take_along_axis(ids_RL, slots, 1)
    lot = uniforms(draw.seed, Stream.REPLACE, rows, slots)
    draws = _draw_tokens(random_bits(draw.seed, Stream.TOKEN, rows, slots), reserved, draw.vocab_size)
    filled = np.where(lot < 0.8, draw.special.mask, np.where(lot < 0.9, draws, labels))
    out = ids_RL.copy()
    r, c = np.nonzero(used)
    out[r, slots[r, c]] = filled[r, c]
    return Masked(out, slots, labels, used.astype(np.float32))


def _draw_tokens(numbers: NDArray[np.uint64], reserved: tuple[int, ...], vocab_size: int) -> I64:
    """Any token but the reserved ones, each as likely; peers' special ids may stand anywhere."""
    taken = sorted(set(reserved))
    if len(taken) >= vocab_size:  # a vocabulary of nothing else
        taken = []
    draws = (numbers % np.uint64(vocab_size - len(taken))).astype(np.int64)
    for token in taken:
        draws += draws >= token
    return draws
