"""UTF-8 that somebody opened as CP949 and saved: 어떻게 이렇게 → 뼱뼸寃 씠젃寃.

A byte pair from the middle of UTF-8 Hangul is either one of CP949's 8,822 syllables that KS X 1001 does not
have, or hanja. In text that is whole the one is rare (뷁, 봣, 하핳) and does not stand beside the other; of
the syllables of a misread sentence of ten characters or more, at least 40 % are such.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

FEWEST, SHARE = 2, 0.3
BESIDE = r"[가-힣]\p{Han}|\p{Han}[가-힣]"


@cache
def rare_syllables() -> npt.NDArray[np.bool_]:
    """(0x110000,) the syllables that KS X 1001 does not have."""
    table = np.zeros(0x110000, np.bool_)
    for code in range(0xAC00, 0xD7A4):
        table[code] = len(chr(code).encode("euc_kr")) != 2  # it spells the others in eight bytes
    return table


def misread(lines: pl.Series, rare: pl.Series, hangul: pl.Series) -> pl.Series:
    """Which lines are UTF-8 read as CP949, from their counts of rare and of all syllables."""
    suspects = (rare >= FEWEST) & (rare >= SHARE * hangul)
    if not suspects.any():
        return suspects
    index = suspects.arg_true()
    return suspects.scatter(index, lines.gather(index).str.contains(BESIDE))


_HANJA = "\u3400-\u9fff\uf900-\ufaff"
_BESIDE = re.compile(f"[가-힣][{_HANJA}]|[{_HANJA}][가-힣]")


def misread_texts(texts: Sequence[str]) -> int:
    """How many texts are UTF-8 read as CP949."""
    if not texts:
        return 0
    codes = np.frombuffer("\n".join([*texts, ""]).encode("utf-32-le", "surrogatepass"), np.uint32)
    sizes_N = np.array([len(text) + 1 for text in texts])
    starts_N = np.cumsum(sizes_N) - sizes_N
    rare_N = np.add.reduceat(rare_syllables().take(codes), starts_N, dtype=np.int64)
    hangul_N = np.add.reduceat((codes >= 0xAC00) & (codes <= 0xD7A3), starts_N, dtype=np.int64)
    suspects = np.flatnonzero((rare_N >= FEWEST) & (rare_N >= SHARE * hangul_N))
    return sum(_BESIDE.search(texts[i]) is not None for i in suspects.tolist())
