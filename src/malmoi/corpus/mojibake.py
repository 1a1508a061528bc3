"""UTF-8 that somebody opened as CP949 and saved: 어떻게 이렇게 → 뼱뼸寃 씠젃寃.

A byte pair from the middle of UTF-8 Hangul is either one of CP949's 8,822 syllables that KS X 1001 does not
have, or hanja. In text that is whole the one is rare (뷁, 봣, 하핳) and does not stand beside the other; of
the syllables of a misread sentence of ten characters or more, at least 40 % are such.
"""

from __future__ import annotations

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
