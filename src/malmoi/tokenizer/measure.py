"""How well a tokenizer fits a text: its size in the text's own terms, and a few sentences as it cuts them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from malmoi.tokenizer.base import Tokenizer
from malmoi.tokenizer.sentencepiece.spm import SPACE

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


def shown(tokenizer: Tokenizer, ids: Sequence[int] | NDArray[np.integer[Any]]) -> list[str]:
    """The entries behind ids, for the eye."""
    return readable(tokenizer.kind, tokenizer.tokens(ids))


def readable(kind: str, tokens: list[str]) -> list[str]:
    """Tokens for the eye. Byte-level ones are written with one odd letter a byte: shown is the text they are,
    and what is a part of a character in hexadecimal."""
    if kind != "bytebpe":
        return tokens
    return [data.decode("utf-8", "backslashreplace").replace(" ", SPACE) for data in token_bytes(tokens)]


def token_bytes(tokens: list[str]) -> list[bytes]:
    """The bytes that byte-level tokens stand for; the user's words are entries as they are written."""
    byte_of = {char: byte for byte, char in enumerate(_byte_letters())}
    return [
        bytes(byte_of[char] for char in token) if byte_of.keys() >= set(token) else token.encode()
        for token in tokens
    ]


def _byte_letters() -> list[str]:
    """GPT-2's letter of each byte: itself where it can be seen, else U+0100 and on."""
    seen = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in seen else next(others)) for byte in range(256)]


def _spread(lines: list[str]) -> list[str]:
    return [lines[len(lines) * k // SAMPLES] for k in range(SAMPLES)] if len(lines) >= SAMPLES else lines
