"""A whole text as one tokenizer cuts it, in columns: what every measure is computed from.

All positions count characters of the lines joined by "\\n", so that tokens, eojeols and morphemes of the same
text can be compared with one array operation. C characters, T tokens, N lines, E eojeols.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from malmoi.tokenizer.base import Tokenizer

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TextLayout:
    """What is the same for all tokenizers. `space_C`: white space; `begins_C`: an eojeol (a run of anything
    else) begins here."""

    line_starts_N: Ints
    space_C: Bools
    begins_C: Bools

    @property
    def eojeols(self) -> int:
        return int(self.begins_C.sum())


@dataclass(frozen=True, slots=True)
class CutText:
    """`spans_T2` as positions of the joined text; `counts_N` tokens of each line."""

    ids_T: NDArray[np.int32]
    spans_T2: Ints
    counts_N: Ints


def lay_out(lines: Sequence[str]) -> TextLayout:
    joined = "\n".join(lines)
    codes_C = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    seen = np.unique(codes_C)
    spaces = [code for code in seen.tolist() if chr(code).isspace()]
    space_C = np.isin(codes_C, spaces)
    before_C = np.concatenate([np.ones(1, np.bool_), space_C])[: len(space_C)]
    return TextLayout(starts_of(lines), space_C, ~space_C & before_C)


def starts_of(lines: Sequence[str]) -> Ints:
    """Where each line begins in the joined text."""
    lengths = np.fromiter(map(len, lines), np.int64, len(lines))
    return np.cumsum(lengths + 1) - (lengths + 1)


def cut_lines(tokenizer: Tokenizer, lines: Sequence[str]) -> CutText:
    encoded = tokenizer.encode_batch(list(lines), specials=False)
    counts = np.diff(encoded.cu_seqlens)
    begins = np.repeat(starts_of(lines), counts)
    return CutText(encoded.ids, encoded.spans + begins[:, None], counts)


def inner_starts(starts: Ints, layout: TextLayout) -> Bools:
    """(C,) where something begins inside an eojeol; what begins with it says nothing about cutting."""
    found = np.zeros(len(layout.space_C), np.bool_)
    found[starts[starts < len(found)]] = True  # some libraries put empty tokens at the end
    return found & ~layout.space_C & ~layout.begins_C


def covered(spans_T2: Ints, size: int) -> Bools:
    """(C,) the characters inside any of the spans."""
    steps = np.zeros(size + 1, np.int64)
    np.add.at(steps, spans_T2[:, 0], 1)
    np.add.at(steps, spans_T2[:, 1], -1)
    return np.cumsum(steps)[:size] > 0
