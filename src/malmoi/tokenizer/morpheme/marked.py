"""Texts rewritten so that WordPiece never reads across a morpheme: `할머니는` becomes `할머니 Ω는`.

The mark in front of a morpheme that goes on a word makes WordPiece cut it into `##` pieces, in learning as in
encoding; the mark's own token is dropped. C = characters of the texts joined by newlines, R = characters of
the rewritten ones, M = morphemes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer as Library
from tokenizers import models, normalizers, pre_tokenizers

from malmoi.analyzers.protocol import Morphemes, Surfaces
from malmoi.hangul.aligned import is_nfc
from malmoi.hangul.nfc import composed
from malmoi.tokenizer.encoding.characters import (
    ALONE,
    Characters,
    Words,
    bounds_of,
    code_points,
    find_words,
    lengths_of,
    line_begins,
)

MARK = "\u2126"
"""The ohm sign. NFC makes it the Greek letter, so no text of ours holds it; BERT takes it for a letter."""


@dataclass(frozen=True, slots=True)
class Marked:
    """N rewritten texts, and where each of their characters comes from."""

    texts: list[str]
    begins_N: NDArray[np.int64]
    """First character of each text among the R."""
    sources_R2: NDArray[np.int32]
    """[start, end) of each character in its text as it was handed in."""
    morphemes_R: NDArray[np.int32]
    """Number of the morpheme each character belongs to; different ones differ, also between texts."""


def bert_characters() -> Characters:
    """Character classes of BERT's splitting, casing untouched."""
    library = Library(models.BPE())
    library.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    library.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return Characters(library)


def mark_surfaces(
    texts: Sequence[str], surfaces: Surfaces, characters: Characters, *, mark: str = MARK
) -> Marked:
    """Put a space and `mark` before each morpheme inside a word; all else stays as it is.

    With `mark=""` a morpheme inside a word is written like a word of its own. Texts are NFC.
    """
    codes_C, begins_N, ends_N = _joined(texts)
    words = find_words(characters.classes(codes_C))
    bounds = np.zeros(len(codes_C) + 1, np.bool_)
    # Where an analyzer leaves characters out, they are a morpheme of their own: so ends are bounds too.
    bounds[(surfaces.spans + _owned(begins_N, surfaces.counts)).ravel()] = True
    bounds[begins_N] = True
    inside = words.kept[_inside(words, np.flatnonzero(bounds))]
    put = [ord(char) for char in f" {mark}"]
    at_C = np.arange(len(codes_C)) + len(put) * np.cumsum(_flags(inside, len(codes_C)))
    length = len(codes_C) + len(put) * len(inside)
    codes_R, sources_R = np.empty(length, np.uint32), np.empty(length, np.int64)
    codes_R[at_C], sources_R[at_C] = codes_C, np.arange(len(codes_C))
    for back, code in enumerate(reversed(put), 1):
        codes_R[at_C[inside] - back], sources_R[at_C[inside] - back] = code, inside
    morphemes_R = np.cumsum(bounds[:-1], dtype=np.int32)[sources_R]
    shift = np.repeat(begins_N, ends_N - begins_N + 1)[: len(codes_C)]
    starts_R = (sources_R - shift[sources_R]).astype(np.int32)
    rewritten = codes_R.tobytes().decode("utf-32-le")
    # A text ends where the newline behind it stands.
    after_N = np.append(at_C, length)[ends_N]
    first_N = np.concatenate([[0], after_N + 1])[: len(texts)]
    cut = [rewritten[a:b] for a, b in zip(first_N.tolist(), after_N.tolist(), strict=True)]
    return Marked(cut, first_N, np.stack([starts_R, starts_R + 1], axis=1), morphemes_R)


def mark_lemmas(texts: Sequence[str], morphemes: Morphemes, characters: Characters) -> Marked:
    """Write every morpheme in its restored form, those that go on a word with the mark.

    A character of a restored form stands for the whole span of its morpheme, one that is as written for
    itself; morphemes that share a span all stand for the whole of it. Texts are NFC.
    """
    codes_C, begins_N, _ = _joined(texts)
    classes = characters.classes(codes_C)
    words = find_words(classes)
    spans_M2, lemmas, counts_N = _complete(morphemes, texts, codes_C, classes, begins_N)
    owners_M = np.repeat(np.arange(len(texts)), counts_N)
    starts_M = spans_M2[:, 0] + begins_N[owners_M]
    head_M = np.searchsorted(words.kept, starts_M)
    begins_word_K = np.append(_flags(words.starts, len(words.kept)), True)
    fused_M = np.zeros(len(lemmas), np.bool_)
    fused_M[1:] = (spans_M2[1:] == spans_M2[:-1]).all(axis=1) & (owners_M[1:] == owners_M[:-1])
    inner_M = fused_M | ~begins_word_K[head_M]
    shown = [
        f" {MARK}{lemma}" if inner else f" {lemma}" for lemma, inner in zip(lemmas, inner_M, strict=True)
    ]
    sizes_M = lengths_of(shown)
    ends_M = np.cumsum(sizes_M)
    within_R = np.arange(ends_M[-1] if len(ends_M) else 0) - np.repeat(ends_M - sizes_M, sizes_M)
    within_R = np.maximum(within_R - np.repeat(1 + inner_M, sizes_M), 0)
    written = [
        lemma == texts[owner][a:b]
        for lemma, owner, a, b in zip(lemmas, owners_M.tolist(), *spans_M2.T.tolist(), strict=True)
    ]
    sources_R2 = np.repeat(spans_M2, sizes_M, axis=0)
    shares_M = fused_M | np.append(fused_M[1:], False)[: len(fused_M)]
    as_written_R = np.repeat(np.array(written, np.bool_) & ~shares_M, sizes_M)
    sources_R2[as_written_R, 0] += within_R[as_written_R].astype(np.int32)
    sources_R2[as_written_R, 1] = sources_R2[as_written_R, 0] + 1
    first_M = bounds_of(counts_N)
    first_N = np.concatenate([[0], ends_M])[first_M[:-1]]
    cut = ["".join(shown[a:b]) for a, b in zip(first_M[:-1].tolist(), first_M[1:].tolist(), strict=True)]
    return Marked(cut, first_N, sources_R2, np.repeat(np.arange(len(lemmas), dtype=np.int32), sizes_M))


def _complete(
    morphemes: Morphemes,
    texts: Sequence[str],
    codes_C: NDArray[np.uint32],
    classes: NDArray[np.uint8],
    begins_N: NDArray[np.int64],
) -> tuple[NDArray[np.int32], list[str], NDArray[np.int64]]:
    """Spans, lemmas (NFC) and counts, with what the analyzer left out put in as it is written."""
    lemmas = morphemes.lemmas
    if not is_nfc("".join(lemmas)):
        lemmas = [composed(lemma) for lemma in lemmas]
    starts_M2 = morphemes.spans + _owned(begins_N, morphemes.counts)
    depth = np.zeros(len(codes_C) + 1, np.int64)
    np.add.at(depth, starts_M2[:, 0], 1)
    np.add.at(depth, starts_M2[:, 1], -1)
    bare = (np.cumsum(depth)[:-1] == 0) & (classes <= ALONE)
    if not bare.any():
        return morphemes.spans, lemmas, morphemes.counts
    edges = np.flatnonzero(np.diff(bare, prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    owners = np.searchsorted(begins_N, starts, side="right") - 1
    written = [
        texts[i][a:b]
        for i, a, b in zip(owners, starts - begins_N[owners], ends - begins_N[owners], strict=True)
    ]
    order = np.argsort(np.concatenate([starts_M2[:, 0], starts]), kind="stable")
    spans = np.concatenate([morphemes.spans, np.stack([starts, ends], axis=1) - begins_N[owners, None]])
    counts_N = morphemes.counts + np.bincount(owners, minlength=len(texts))
    both = lemmas + written
    return spans.astype(np.int32)[order], [both[index] for index in order.tolist()], counts_N


def _joined(texts: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64]]:
    """Code points of the texts with a newline between them; where each text begins and ends."""
    begins_N = line_begins(texts)
    return code_points("\n".join(texts)), begins_N, begins_N + lengths_of(texts)


def _owned(begins_N: NDArray[np.int64], counts_N: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.repeat(begins_N, counts_N)[:, None]


def _inside(words: Words, bounds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those kept characters that come first behind a bound, and are not the first of their word."""
    head = np.unique(np.searchsorted(words.kept, bounds))
    head = head[head < len(words.kept)]
    return head[~_flags(words.starts, len(words.kept))[head]]


def _flags(positions: NDArray[np.int64], length: int) -> NDArray[np.bool_]:
    flags = np.zeros(length, np.bool_)
    flags[positions] = True
    return flags
