"""Which tokens are predicted and what stands in their place, as a pure function of (seed, row)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from malmoi.pretrain.data.random_bits import Stream, random_bits, uniforms
from malmoi.special import SpecialIds

I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Masked:
    """R rows after masking; C = slots per row (a cap), unused slots weigh 0 and point at position 0."""

    ids_RL: I64
    slots_RC: I64  # position in the row
    labels_RC: I64  # the original token there
    weights_RC: NDArray[np.float32]


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


def mask_rows(
    ids_RL: I64,
    rows_R: I64,
    seed: int,
    *,
    rate: float,
    special: SpecialIds,
    vocab_size: int,
    published: bool = False,
) -> Masked:
    """BERT's masking (Devlin et al. 2019, section 3.1): of the chosen tokens 80 % become [MASK], 10 % a
    random token, 10 % stay. `rows_R` are the numbers of the rows, which with `seed` decide everything.

    Args:
        published: count and draw as google-research/bert (create_pretraining_data.py,
            `create_masked_lm_predictions`): k = round(rate · n) of a row's n tokens, [CLS] and [SEP] among
            them though they are never masked, and random tokens from the whole vocabulary, special ones too.
            Without it n are the maskable tokens and a random token is never special.
    """
    row_len = ids_RL.shape[1]
    maskable = ~np.isin(ids_RL, (special.pad, special.cls, special.sep))
    rows = rows_R[:, None]
    scores = uniforms(seed, Stream.CHOOSE, rows, np.arange(row_len)[None])
    slots, k = choose_slots(maskable, scores, rate, (ids_RL != special.pad).sum(1) if published else None)
    used = np.arange(slots.shape[1])[None] < k[:, None]
    slots = np.where(used, slots, 0)
    labels = np.take_along_axis(ids_RL, slots, 1)
    lot = uniforms(seed, Stream.REPLACE, rows, slots)
    reserved = () if published else (special.pad, special.unk, special.cls, special.sep, special.mask)
    draws = _draw_tokens(random_bits(seed, Stream.TOKEN, rows, slots), reserved, vocab_size)
    filled = np.where(lot < 0.8, special.mask, np.where(lot < 0.9, draws, labels))
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
    drawn = (uniforms(seed, Stream.CHOOSE, rows, draws) * available[:, None]).astype(np.int64)
    slots = np.where(used, np.take_along_axis(candidates_RL, drawn, 1), 0)
    labels = np.take_along_axis(ids_RL, slots, 1)
    masked = used & (uniforms(seed, Stream.REPLACE, rows, draws) < 0.85)
    out = ids_RL.copy()
    r, c = np.nonzero(masked)
    out[r, slots[r, c]] = special.mask
    firsts = (slots[:, :, None] == slots[:, None, :]).argmax(2)
    return Drawn(out, slots, labels, used.astype(np.float32), firsts)
