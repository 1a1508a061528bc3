"""A full check of a shards artifact: every digest, id and offset, and some sentences as text, for the eye."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from malmoi.shards.format import STARTS_WORD, Part, Shards, check_tokenizer
from malmoi.tokenizer import Tokenizer, load_tokenizer

SHOWN = 3


def verify_shards(folder: Path, *, seed: int | None = None) -> list[tuple[str, str]]:
    """Check everything; returns (part, text) of three sentences drawn at random.

    Raises the errors of `Shards.open(verify=True)` and MM0305 (the tokenizer inside is another one).
    """
    shards = Shards.open(folder, verify=True)
    check_tokenizer(shards, shards.tokenizer_folder)
    tokenizer = load_tokenizer(shards.tokenizer_folder, encodes=False)
    draw = random.Random(seed)
    parts = [*shards.train, *shards.heldout]
    drawn = [(part := draw.choice(parts), draw.randrange(len(part.sentences) - 1)) for _ in range(SHOWN)]
    return [(part.name, decode_sentence(tokenizer, part, index)) for part, index in drawn]


def decode_sentence(tokenizer: Tokenizer, part: Part, index: int) -> str:
    """A sentence as text: pieces joined, a space before each eojeol (white space itself is not stored, but by
    kinds whose pieces hold a space themselves)."""
    tokens = slice(part.sentences[index], part.sentences[index + 1])
    return tokenizer.text(part.ids[tokens], (part.flags[tokens] & STARTS_WORD).astype(np.bool_))
