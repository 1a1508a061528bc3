"""How byte-level entries write bytes: one odd letter each. What they are, and how they are shown."""

from __future__ import annotations

import numpy as np

_PRINTED = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
_OTHERS = iter(range(0x100, 0x200))
BYTE_SIGNS = np.array([byte if byte in _PRINTED else next(_OTHERS) for byte in range(256)], np.uint32)
"""The code point that byte-level entries write for each byte: its own where Latin-1 prints one (GPT-2's
`bytes_to_unicode`)."""
_BYTE_OF = {chr(sign): byte for byte, sign in enumerate(BYTE_SIGNS.tolist())}


def readable(tokens: list[str]) -> list[str]:
    """The text that entries are, a space as ▁, and what is a part of a character in hexadecimal."""
    return [data.decode("utf-8", "backslashreplace").replace(" ", "▁") for data in token_bytes(tokens)]


def token_bytes(tokens: list[str]) -> list[bytes]:
    """The bytes that entries stand for; the user's words are entries as they are written."""
    return [
        bytes(_BYTE_OF[char] for char in token) if _BYTE_OF.keys() >= set(token) else token.encode()
        for token in tokens
    ]
