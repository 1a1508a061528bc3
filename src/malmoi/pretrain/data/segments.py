"""Sequences of two segments, made from rows of one: what a model must have seen before it compares texts.

Two kinds. A *segment pair* is [CLS] A [SEP] B [SEP], B going on where A ends, cut where a sentence begins
nearest the middle (ELECTRA's are cut one sentence before or after the middle by a coin; half of BERT's go
on). A *copy* is a passage and the same passage again with some tokens missing: a masked token can be looked
up in the other segment, so the model learns to find the same thing across the separator. Both are pure
functions of (seed, row), like the masks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from malmoi.pretrain.data.packing import RowBlock
from malmoi.pretrain.data.random_bits import Stream
from malmoi.special import SpecialIds

I64 = NDArray[np.int64]

SHORTEST, LONGEST = 6, 40  # tokens of a copied passage: the length of sentences people compare
LOST = 0.15  # of the tokens of a copy, so that the two must be aligned and not just shifted


@dataclass(frozen=True, slots=True)
class Pairing:
    """Shares of the sequences that become segment pairs and copies; the rest stay as they are."""

    segment_pair_rate: float
    copy_rate: float


AS_THEY_ARE = Pairing(0.0, 0.0)


def pair_up(block: RowBlock, rows_R: I64, seed: int, pairing: Pairing, special: SpecialIds) -> RowBlock:
    """The same rows with some sequences cut in two. A pair gives up its last token for the second [SEP].

    `rows_R` are the rows' numbers in the endless order, which with `seed` decide everything.
    """
    if pairing.segment_pair_rate + pairing.copy_rate == 0:
        return block
    row_len = block.ids_RL.shape[1]
    ids_RL = np.full_like(block.ids_RL, special.pad)
    positions_RL = np.zeros_like(block.positions_RL)
    segments_RL = np.zeros_like(block.segments_RL)
    flags_RL = np.zeros_like(block.flags_RL)
    sequences: list[list[int]] = []
    for r, number in enumerate(rows_R.tolist()):
        random = np.random.Generator(np.random.PCG64([seed, Stream.SEGMENTS, number]))
        at, start = 0, 0
        lengths: list[int] = []
        for length, middle in zip(block.sequences[r], block.middles[r], strict=True):
            text = np.arange(start + 1, start + length - 1)
            for segments in _choose(text, middle, random, pairing):
                first = at
                ids_RL[r, at] = special.cls
                at += 1
                for number_of, segment in enumerate(segments):
                    end = at + len(segment)
                    ids_RL[r, at:end] = block.ids_RL[r, segment]
                    flags_RL[r, at:end] = block.flags_RL[r, segment]
                    ids_RL[r, end] = special.sep
                    segments_RL[r, at : end + 1] = number_of
                    at = end + 1
                positions_RL[r, first:at] = np.arange(at - first)
                lengths.append(at - first)
            start += length
        positions_RL[r, at:] = np.arange(row_len - at)
        sequences.append(lengths)
    totals_R = np.array([sum(lengths) for lengths in sequences])
    most = block.most + row_len // (SHORTEST + 1 + 3)  # the shortest copy: passage, one token, specials
    return RowBlock(ids_RL, positions_RL, segments_RL, totals_R, sequences, most, block.middles, flags_RL)


def _choose(text: I64, middle: int, random: np.random.Generator, pairing: Pairing) -> list[list[I64]]:
    """What becomes of one sequence, whose tokens stand at the columns `text`: sequences of one or two
    segments, together no longer than it."""
    lot = random.random()
    if len(text) < 2 * SHORTEST + 4:
        return [[text]]
    if lot < pairing.copy_rate:
        return _copies(text, random)
    if lot < pairing.copy_rate + pairing.segment_pair_rate:
        cut = middle or len(text) // 2
        return [[text[:cut], text[cut:-1]]]
    return [[text]]


def _copies(text: I64, random: np.random.Generator) -> list[list[I64]]:
    """Passages of `text` with their copies, as many as fit into its place."""
    room = len(text) + 2
    found: list[list[I64]] = []
    while (most := min((room - 3) // 2, len(text), LONGEST)) >= SHORTEST:
        length = int(random.integers(SHORTEST, most + 1))
        start = int(random.integers(0, len(text) - length + 1))
        passage = text[start : start + length]
        kept = random.random(length) >= LOST
        kept[0] = True
        both = [passage, passage[kept]]
        found.append(both if random.random() < 0.5 else both[::-1])
        room -= 3 + sum(map(len, both))
    return found
