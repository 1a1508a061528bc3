"""From flat tokens of texts to rows: cut or windowed to a length, special tokens put in, all without a loop.

N inputs, R rows, T tokens. Pairs are cut by the rules of the `tokenizers` library, so rows equal what its
users get (tests compare them).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.special import SpecialIds
from malmoi.tokenizer.base import Encodings, Truncation
from malmoi.tokenizer.encoding.characters import bounds_of

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FlatTokens:
    """Tokens of texts laid end to end, no special tokens; text i is `[starts[i]:starts[i + 1]]`."""

    ids: NDArray[np.int32]
    spans: NDArray[np.int32]
    starts: Ints
    morphemes: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class _Cut:
    """For each row: its input, and the piece of first and second text it shows (in flat tokens)."""

    sources: Ints
    first: Ints
    first_len: Ints
    second: Ints
    second_len: Ints


def lay_rows(
    flat: FlatTokens,
    special: SpecialIds,
    *,
    pairs: bool,
    max_len: int | None,
    truncation: Truncation,
    stride: int,
    specials: bool,
) -> Encodings:
    """Rows of `[CLS] first [SEP] second [SEP]`; with `pairs` texts 2i and 2i+1 belong together.

    Raises MM0210 where `max_len` leaves no room for a token of the text to be cut.
    """
    if max_len is None and not pairs and not specials:
        nothing = np.zeros(len(flat.ids), np.uint8)
        inputs = np.arange(len(flat.starts) - 1)
        return Encodings(flat.ids, flat.starts, nothing, flat.spans, inputs, flat.morphemes)
    lengths = np.diff(flat.starts)
    step = 2 if pairs else 1
    first, first_len = flat.starts[:-1][::step], lengths[::step]
    second = flat.starts[:-1][1::2] if pairs else np.zeros_like(first)
    second_len = lengths[1::2] if pairs else np.zeros_like(first)
    count = (3 if pairs else 2) if specials else 0
    cut = _Cut(np.arange(len(first)), first, first_len, second, second_len)
    if max_len is not None:
        if truncation == "only_second" and not pairs:
            raise ValueError("truncation='only_second' needs pairs")
        if stride:
            cut = _windows(cut, max_len, count, truncation, stride, pairs)
        else:
            cut = _truncated(cut, max_len, count, truncation)
    return _assemble(flat, cut, special, pairs, specials)


def _truncated(cut: _Cut, max_len: int, count: int, truncation: Truncation) -> _Cut:
    room, n1, n2 = max_len - count, cut.first_len, cut.second_len
    if truncation == "longest_first":
        _check_room(np.full(len(n1), room), max_len, count)
        short, long = np.minimum(n1, n2), np.maximum(n1, n2)
        long = np.where(short > room, short, np.maximum(short, room - short))
        halve = short + long > room
        short = np.where(halve, room // 2, short)
        long = np.where(halve, room // 2 + room % 2, long)
        swapped = n1 > n2
        n1 = np.minimum(n1, np.where(swapped, long, short))
        n2 = np.minimum(n2, np.where(swapped, short, long))
    else:
        other = n2 if truncation == "only_first" else n1
        _check_room(room - other, max_len, count + other)
        if truncation == "only_first":
            n1 = np.minimum(n1, room - other)
        else:
            n2 = np.minimum(n2, room - other)
    return _Cut(cut.sources, cut.first, n1, cut.second, n2)


def _windows(cut: _Cut, max_len: int, count: int, truncation: Truncation, stride: int, pairs: bool) -> _Cut:
    if pairs and truncation == "longest_first":
        raise ValueError("stride with pairs needs truncation='only_first' or 'only_second'")
    on_second = pairs and truncation == "only_second"
    other = cut.first_len if on_second else cut.second_len
    length = cut.second_len if on_second else cut.first_len
    width = max_len - count - other
    _check_room(width - stride, max_len, count + other + stride)
    hop = width - stride
    windows = 1 + np.maximum(0, -((width - length) // hop))
    sources = np.repeat(cut.sources, windows)
    begin = _ragged(np.zeros_like(windows), windows) * hop[sources]
    shown = np.minimum(width[sources], length[sources] - begin)
    first, first_len = cut.first[sources], cut.first_len[sources]
    second, second_len = cut.second[sources], cut.second_len[sources]
    if on_second:
        return _Cut(sources, first, first_len, second + begin, shown)
    return _Cut(sources, first + begin, shown, second, second_len)


def _check_room(room: Ints, max_len: int, taken: Any) -> None:
    if (short := np.flatnonzero(room < 1)).size:
        needed = int(np.broadcast_to(taken, room.shape)[short].max()) + 1
        raise MalmoiError(Code.MAX_LEN_TOO_SHORT, number=int(short[0]) + 1, max_len=max_len, needed=needed)


def _assemble(flat: FlatTokens, cut: _Cut, special: SpecialIds, pairs: bool, specials: bool) -> Encodings:
    n1, n2, mark = cut.first_len, cut.second_len, int(specials)
    lengths = n1 + n2 + mark * (3 if pairs else 2)
    cu_seqlens = bounds_of(lengths)
    begin, end = cu_seqlens[:-1], cu_seqlens[1:]
    total = int(cu_seqlens[-1])
    ids = np.empty(total, np.int32)
    spans = np.zeros((total, 2), np.int32)
    segments = np.zeros(total, np.uint8)
    morphemes = None if flat.morphemes is None else np.zeros(total, np.bool_)

    def put(into: Ints, source: Ints) -> None:
        ids[into], spans[into] = flat.ids[source], flat.spans[source]
        if morphemes is not None and flat.morphemes is not None:
            morphemes[into] = flat.morphemes[source]

    put(_ragged(begin + mark, n1), _ragged(cut.first, n1))
    if specials:
        ids[begin], ids[begin + 1 + n1], ids[end - 1] = special.cls, special.sep, special.sep
    if pairs:
        second = begin + 2 * mark + n1
        put(_ragged(second, n2), _ragged(cut.second, n2))
        segments[_ragged(second, n2 + mark)] = 1
    return Encodings(ids, cu_seqlens, segments, spans, cut.sources, morphemes)


def _ragged(starts: Ints, lengths: Ints) -> Ints:
    """`[starts[i], …, starts[i] + lengths[i])` for all i, laid end to end."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(starts - (ends - lengths), lengths) + np.arange(total)
