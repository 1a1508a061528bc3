"""How well a tokenizer fits a text: its size in the text's own terms, and a few sentences as it cuts them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from malmoi.kinds import imported
from malmoi.tokenizer.base import Ids, Tokenizer
from malmoi.tokenizer.kinds import KINDS

SAMPLES = 3
SAMPLE_CHARACTERS = (20, 60)


def measure(tokenizer: Tokenizer, blocks: Iterable[str]) -> dict[str, Any]:
    """Measures over all lines of `blocks`.

    `unk_percent`: [UNK] of all tokens. `tokens_per_eojeol`: tokens of each white-space word.
    `characters_per_token`: characters other than white space of each token. `samples`: a text and its tokens.
    """
    tokens = unknown = eojeols = characters = 0
    candidates: list[str] = []
    for block in blocks:
        lines = block.split("\n")
        ids = tokenizer.encode_batch(lines, specials=False).ids
        words = block.split()
        tokens += len(ids)
        unknown += int(np.count_nonzero(ids == tokenizer.special.unk))
        eojeols += len(words)
        characters += sum(map(len, words))
        low, high = SAMPLE_CHARACTERS
        candidates += [line for line in lines if low <= len(line) <= high][:200]
    return {
        "unk_percent": round(100 * unknown / max(1, tokens), 4),
        "tokens_per_eojeol": round(tokens / max(1, eojeols), 4),
        "characters_per_token": round(characters / max(1, tokens), 4),
        "samples": [[line, cut(tokenizer, line)] for line in _spread(candidates)],
    }


def cut(tokenizer: Tokenizer, text: str) -> list[str]:
    """The tokens of one text."""
    return tokenizer.tokens(tokenizer.encode_batch([text], specials=False).ids)


def shown(tokenizer: Tokenizer, ids: Ids) -> list[str]:
    """The entries behind ids, for the eye."""
    return readable(tokenizer.kind, tokenizer.tokens(ids))


def readable(kind: str, tokens: list[str]) -> list[str]:
    """Tokens for the eye, of a kind by name."""
    if kind not in KINDS or not KINDS[kind].shows:
        return tokens
    shows: Callable[[list[str]], list[str]] = imported(KINDS[kind].shows)
    return shows(tokens)


def _spread(lines: list[str]) -> list[str]:
    return [lines[len(lines) * k // SAMPLES] for k in range(SAMPLES)] if len(lines) >= SAMPLES else lines
