"""A masking of another kind: whole words, or whole morphemes. What is hidden can then not be guessed from the
rest of its word. (Of the last word that is chosen a part may stay: the number of slots is fixed.)"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from malmoi.pretrain.data.masking import Draw, Masked, MaskingConfig, MaskingKind
from malmoi.pretrain.data.masking.choosing import choose_slots, replace_chosen
from malmoi.pretrain.data.packing import RowBlock
from malmoi.pretrain.data.random_bits import Stream, uniforms
from malmoi.shards.part import STARTS_MORPHEME, STARTS_WORD


class WholeWordsConfig(MaskingConfig):
    """Its settings."""

    name: str = "whole-words"
    morphemes: bool = Field(False, description="Whole morphemes, where the tokenizer knows them.")


def mask(block: RowBlock, draw: Draw, config: WholeWordsConfig) -> Masked:
    """One lot for each word, so that its tokens are chosen together."""
    special = draw.special
    maskable_RL = ~np.isin(block.ids_RL, (special.pad, special.cls, special.sep))
    begins = STARTS_MORPHEME if config.morphemes else STARTS_WORD
    words_RL = np.cumsum((block.flags_RL & begins) > 0, axis=1)
    lots_RL = uniforms(draw.seed, Stream.CHOOSE, draw.rows_R[:, None], words_RL)
    slots_RC, k_R = choose_slots(maskable_RL, lots_RL, draw.rate)
    reserved = (special.pad, special.unk, special.cls, special.sep, special.mask)
    return replace_chosen(block.ids_RL, slots_RC, k_R, draw, reserved)


WHOLE_WORDS = MaskingKind(mask, WholeWordsConfig)
