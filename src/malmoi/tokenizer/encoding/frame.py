"""The frame every kind encodes in: text composed (NFC) by ourselves, pieces of it that fit into memory, and
spans that come back in the characters of the caller's string.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from malmoi.errors import MalmoiError
from malmoi.hangul import aligned
from malmoi.hangul.aligned import through
from malmoi.hangul.spelling import ODD, Edit, odd_codes, private_edits, unit_edits
from malmoi.special import SpecialIds
from malmoi.tokenizer.base import Encodings, Ids, LineEncoding, Texts, Truncation
from malmoi.tokenizer.encoding.characters import code_points
from malmoi.tokenizer.encoding.windows import FlatTokens, lay_rows

CHUNK = 1_000_000  # characters encoded at once; the arrays of one chunk take about 60 MB
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class TokenSpans:
    """Tokens of N texts laid end to end, T in all."""

    ids: NDArray[np.int32]
    spans: NDArray[np.int32]
    """(T, 2) [start, end) in characters of the texts that were handed in."""
    counts: NDArray[np.int64]
    """(N,) tokens of each text."""
    morphemes: NDArray[np.bool_] | None = None
    """(T,) where a morpheme starts, from kinds that know."""


def encode_composed(
    texts: list[str], encode: Callable[[list[str]], TokenSpans], one_spelling: bool = False
) -> FlatTokens:
    """Tokens of `texts` by `encode`, which is given NFC texts without lone surrogates, a chunk at a time, and
    their Hangul in one spelling if wanted."""
    found = [_chunk(chunk, encode, one_spelling) for chunk in _chunks(texts)]
    counts = np.concatenate([np.zeros(1, np.int64), *(pieces.counts for pieces in found)])
    ids = np.concatenate([np.zeros(0, np.int32), *(pieces.ids for pieces in found)])
    spans = np.concatenate([np.zeros((0, 2), np.int32), *(pieces.spans for pieces in found)])
    known = [pieces.morphemes for pieces in found if pieces.morphemes is not None]
    morphemes = np.concatenate(known) if found and len(known) == len(found) else None
    return FlatTokens(ids, spans, np.cumsum(counts), morphemes)


def _chunk(texts: list[str], encode: Callable[[list[str]], TokenSpans], one_spelling: bool) -> TokenSpans:
    composed, ways_back = compose_all(texts)
    if one_spelling:
        respell_all(composed, ways_back)
    pieces = encode(composed)
    ends = np.cumsum(pieces.counts)
    for index, way_back in ways_back.items():
        part = pieces.spans[ends[index] - pieces.counts[index] : ends[index]]
        part[:] = through(way_back, part)
    return pieces


def compose_all(texts: list[str]) -> tuple[list[str], dict[int, NDArray[np.int32]]]:
    """NFC texts without lone surrogates (U+FFFD instead: no library takes them), and for those that were not
    NFC the way back to their characters."""
    # Text by text: asked of all at once, one combining mark makes Python normalise the lot (8x slower).
    decomposed = [index for index, text in enumerate(texts) if not aligned.is_nfc(text)]
    composed, ways_back = list(texts), {}
    for index in decomposed:
        composed[index], ways_back[index] = aligned.compose(texts[index])
    try:
        "".join(composed).encode("utf-8")
    except UnicodeEncodeError:
        composed = [_SURROGATE.sub("\ufffd", text) for text in composed]
    return composed, ways_back


def respell_all(texts: list[str], ways_back: dict[int, NDArray[np.int32]]) -> None:
    """Put the one spelling of `malmoi.hangul.spelling` in the place of NFC texts that have another, and their
    ways back among those of `compose_all`."""
    if not may_be_odd(code_points("\n".join(texts))):
        return
    for index, text in enumerate(texts):
        if not ODD.search(text):
            continue
        spelled, way_back = _respelled(text)
        if spelled != text:
            before = ways_back.get(index)
            texts[index] = spelled
            ways_back[index] = way_back if before is None else through(before, way_back)


def may_be_odd(codes: NDArray[np.uint32]) -> bool:
    """Whether a character stands in a text that `hangul.spelling` may rewrite; 5 times as fast as `ODD`."""
    return bool(_odd_table().take(codes).any())


@cache
def _odd_table() -> NDArray[np.bool_]:
    table = np.zeros(0x110000, np.bool_)
    table[odd_codes()] = True
    return table


def _respelled(text: str) -> tuple[str, NDArray[np.int32]]:
    """`malmoi.hangul.spelling.respell`, and the way back."""
    joined, way_back = _edited(text, private_edits(text))
    composed, way = aligned.compose(joined)
    way_back = through(way_back, way)
    spelled, way = _edited(composed, unit_edits(composed))
    return spelled, through(way_back, way)


def _edited(text: str, edits: Sequence[Edit]) -> tuple[str, NDArray[np.int32]]:
    """A text with `edits` made; what is put in has all the characters it stands for."""
    parts: list[str] = []
    at = 0
    for start, end, put in edits:
        parts += (text[at:start], put)
        at = end
    # Stretches in turn: one that stays, one that is put in, …, and the last that stays.
    ends = np.array([(start, end) for start, end, _ in edits], np.int32).reshape(-1)
    begins = np.append(np.int32(0), ends)
    ends = np.append(ends, np.int32(len(text)))
    sizes = ends - begins
    sizes[1::2] = [len(put) for _, _, put in edits]
    spans = np.stack([np.repeat(begins, sizes), np.repeat(ends, sizes)], axis=1)
    stays = np.repeat(np.arange(len(sizes)) % 2 == 0, sizes)
    inside = np.arange(len(spans), dtype=np.int32) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    spans[stays, 0] += inside[stays].astype(np.int32)
    spans[stays, 1] = spans[stays, 0] + 1
    return "".join((*parts, text[at:])), spans


def _chunks(texts: list[str]) -> list[list[str]]:
    chunks: list[list[str]] = []
    room = 0
    for text in texts:
        if not chunks or room < len(text):
            chunks.append([])
            room = CHUNK
        chunks[-1].append(text)
        room -= len(text) + 1
    return chunks


class SpanTokenizer:
    """What kinds of the `Tokenizer` protocol share that say how NFC texts are cut."""

    entries: list[str]
    special: SpecialIds
    words: tuple[str, ...] = ()
    one_spelling: bool = False
    refusals: tuple[MalmoiError | None, MalmoiError | None] = (None, None)

    @property
    def rules(self) -> dict[str, Any]:
        """Some kinds cut by their entries alone."""
        return {}

    @property
    def details(self) -> dict[str, str]:
        """Nothing in most kinds."""
        return {}

    def encode_spans(self, texts: list[str]) -> TokenSpans:
        """Ids, spans and tokens per text of NFC texts, no special tokens."""
        raise AssertionError(f"{type(self).__name__} does not say how texts are cut")

    def load(self) -> None:
        """Nothing opens late in most kinds."""

    def uncached(self) -> Self:
        """Nothing is kept in most kinds."""
        return self

    def encode_batch(
        self,
        texts: Texts,
        *,
        max_len: int | None = None,
        truncation: Truncation = "longest_first",
        stride: int = 0,
        specials: bool = True,
    ) -> Encodings:
        """Encode texts or pairs; see `Tokenizer.encode_batch`. "[MASK]" written in a text is plain text.

        Raises MM0210 where `max_len` leaves no room, and MM0215 where a peer's special tokens are not ours.
        """
        pairs = bool(texts) and not isinstance(texts[0], str)
        if specials and (refused := self.refusals[pairs]):
            raise refused
        plain: list[str] = list(chain.from_iterable(texts)) if pairs else list(texts)  # type: ignore[arg-type]
        return lay_rows(
            encode_composed(plain, self.encode_spans, self.one_spelling),
            self.special,
            pairs=pairs,
            max_len=max_len,
            truncation=truncation,
            stride=stride,
            specials=specials,
        )

    def encode_lines(self, text: str) -> LineEncoding | None:
        """Most kinds know no faster way."""
        return None

    def tokens(self, ids: Ids) -> list[str]:
        """The vocabulary entries behind ids."""
        return [self.entries[index] for index in ids]

    def text(self, ids: Ids, starts_word: NDArray[np.bool_]) -> str:
        """Entries joined, a space before each eojeol."""
        return join_pieces(self.tokens(ids), starts_word)


def join_pieces(pieces: Sequence[str], starts_word: NDArray[np.bool_]) -> str:
    spaces = [" " * int(starts) for starts in starts_word]
    return "".join(space + piece for space, piece in zip(spaces, pieces, strict=True)).strip()
