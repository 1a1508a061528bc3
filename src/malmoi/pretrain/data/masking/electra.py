"""ELECTRA's masking (google-research/electra, pretrain/pretrain_helpers.py, `mask`).

Of each row's n real tokens k = max(1, min(C, round(rate · n))) are drawn, C = int((rate + .005) · L), *with*
replacement, never [CLS], [SEP], [MASK] or padding. 85 % of the draws become [MASK], 15 % stay; none becomes a
random token. All k are predicted and may be replaced.
"""

from __future__ import annotations

import numpy as np

from malmoi.pretrain.data.masking.protocol import I64, Draw, Masked, MaskingConfig, MaskingKind
from malmoi.pretrain.data.packing import RowBlock
from malmoi.pretrain.data.random_bits import Stream, uniforms


def draw_slots(ids_RL: I64, draw: Draw) -> Masked:
    """The rows masked; a position drawn twice has two slots."""
    special, seed, rate = draw.special, draw.seed, draw.rate
    row_len = ids_RL.shape[1]
    cap = max(1, int((rate + 0.005) * row_len))
    maskable = ~np.isin(ids_RL, (special.pad, special.cls, special.sep, special.mask))
    available = maskable.sum(1)
    real = (ids_RL != special.pad).sum(1)
    k = np.minimum(np.maximum(1, np.rint(rate * real).astype(np.int64)), cap) * (available > 0)
    used = np.arange(cap)[None] < k[:, None]
    rows, draws = draw.rows_R[:, None], np.arange(cap)[None]
    candidates_RL = np.argsort(~maskable, axis=1, kind="stable")
    drawn = (uniforms(seed, Stream.CHOOSE, rows, draws) * available[:, None]).astype(np.int64)
    slots = np.where(used, np.take_along_axis(candidates_RL, drawn, 1), 0)
    labels = np.take_along_axis(ids_RL, slots, 1)
    masked = used & (uniforms(seed, Stream.REPLACE, rows, draws) < 0.85)
    out = ids_RL.copy()
    r, c = np.nonzero(masked)
    out[r, slots[r, c]] = special.mask
    return Masked(out, slots, labels, used.astype(np.float32))


def _mask(block: RowBlock, draw: Draw, config: MaskingConfig) -> Masked:
    return draw_slots(block.ids_RL, draw)


ELECTRA = MaskingKind(_mask)
