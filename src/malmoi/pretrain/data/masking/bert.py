"""BERT's masking (Devlin et al. 2019, section 3.1): single tokens; 80 % [MASK], 10 % random, 10 % unchanged.

`plain`: k = round(rate · n) of a row's n maskable tokens, and a random token is never a special one.
`published` counts and draws as google-research/bert (create_pretraining_data.py,
`create_masked_lm_predictions`): n are all tokens of a row, [CLS] and [SEP] among them though they are never
masked, and random tokens come from the whole vocabulary, special ones too.
"""

from __future__ import annotations

import numpy as np

from malmoi.pretrain.data.masking.choosing import choose_slots, replace_chosen
from malmoi.pretrain.data.masking.protocol import I64, Draw, Masked, MaskingConfig, MaskingKind
from malmoi.pretrain.data.packing import RowBlock
from malmoi.pretrain.data.random_bits import Stream, uniforms


def mask_rows(ids_RL: I64, draw: Draw, *, published: bool = False) -> Masked:
    """The rows masked; `published` as the module says."""
    special = draw.special
    maskable = ~np.isin(ids_RL, (special.pad, special.cls, special.sep))
    scores = uniforms(draw.seed, Stream.CHOOSE, draw.rows_R[:, None], np.arange(ids_RL.shape[1])[None])
    counted_R = (ids_RL != special.pad).sum(1) if published else None
    slots, k = choose_slots(maskable, scores, draw.rate, counted_R)
    reserved = () if published else (special.pad, special.unk, special.cls, special.sep, special.mask)
    return replace_chosen(ids_RL, slots, k, draw, reserved)


def _plain(block: RowBlock, draw: Draw, config: MaskingConfig) -> Masked:
    return mask_rows(block.ids_RL, draw)


def _published(block: RowBlock, draw: Draw, config: MaskingConfig) -> Masked:
    return mask_rows(block.ids_RL, draw, published=True)


PLAIN = MaskingKind(_plain)
PUBLISHED = MaskingKind(_published)
