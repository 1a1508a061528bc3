"""One row of pretraining as a person can read it: its tokens, what was masked and what was there before.

The row is made by the feed that training uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from malmoi.report.source import BatchSource, shown_ids
from malmoi.shards.part import STARTS_MORPHEME, STARTS_WORD
from malmoi.special import SpecialIds
from malmoi.tokenizer.measure import readable

Fate = Literal["", "masked", "random", "kept"]


@dataclass(frozen=True, slots=True)
class ShownToken:
    """A token as the network reads it."""

    text: str
    original: str
    fate: Fate
    """What happened to a token that is predicted; empty for the others."""
    starts_word: bool
    starts_morpheme: bool


@dataclass(frozen=True, slots=True)
class Segment:
    """[CLS] (the first segment of a sequence only), tokens, [SEP]."""

    sequence: int
    segment: int
    tokens: list[ShownToken]


@dataclass(frozen=True, slots=True)
class Row:
    """`number` in the endless order; `place`: part and tokens of the shards; `row_len` with padding."""

    number: int
    place: str
    row_len: int
    segments: list[Segment]

    @property
    def tokens(self) -> list[ShownToken]:
        return [token for segment in self.segments for token in segment.tokens]

    def fates(self) -> dict[str, int]:
        """How many tokens were masked, replaced at random, kept."""
        return {fate: sum(t.fate == fate for t in self.tokens) for fate in ("masked", "random", "kept")}


def make_row(source: BatchSource, number: int) -> Row:
    """Row `number` of a source."""
    feed, special = source.feed, source.shards.special
    numbers = np.array([number], np.int64)
    block = feed.block(numbers)
    originals = block.ids_RL[0]
    batch = feed.one(number)
    shown = shown_ids(batch)[0]
    asked = batch.asked
    slots = [] if asked is None else np.unique(asked.slots_M[asked.weights_M > 0].numpy()).tolist()
    fates = {at: _fate(int(shown[at]), int(originals[at]), special) for at in slots}
    flags = block.flags_RL[0]
    tokenizer = source.tokenizer
    texts = [readable(tokenizer.kind, tokenizer.tokens(ids)) for ids in (shown, originals)]
    segments: list[Segment] = []
    at = 0
    for sequence, length in enumerate(block.sequences[0]):
        kinds = block.segments_RL[0, at : at + length]
        for kind in np.unique(kinds).tolist():
            places = at + np.flatnonzero(kinds == kind)
            tokens = [
                ShownToken(
                    texts[0][i],
                    texts[1][i],
                    fates.get(i, ""),
                    bool(flags[i] & STARTS_WORD),
                    bool(flags[i] & STARTS_MORPHEME),
                )
                for i in places.tolist()
            ]
            segments.append(Segment(sequence, kind, tokens))
        at += length
    return Row(number, feed.source(number), feed.table.row_len, segments)


def _fate(shown: int, original: int, special: SpecialIds) -> Fate:
    if shown == special.mask:
        return "masked"
    return "kept" if shown == original else "random"
