"""One slice of a corpus file to the four arrays of a part: a pure function, run by a worker.

Columnar: a block of lines is encoded as one, and sentence, document and eojeol starts come from comparing the
tokens' positions with those of newlines and white space.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from malmoi.shards.format import STARTS_MORPHEME, STARTS_WORD, ids_dtype
from malmoi.tokenizer import Tokenizer, load_tokenizer
from malmoi.tokenizer.blocks import read_blocks
from malmoi.tokenizer.engine import Choice

_SPACES = "\t\n\v\f\r \x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    chr(code) for code in range(0x2000, 0x200B)
)
IS_SPACE = np.zeros(0x110000, np.bool_)
IS_SPACE[[ord(char) for char in _SPACES]] = True


@dataclass(frozen=True)
class EncodeSpec:
    """Bytes `[start, end)` of a corpus file, which begin and end at document starts."""

    file: Path
    start: int
    end: int
    tokenizer: Path
    engine: Choice = "auto"


@dataclass(frozen=True, slots=True)
class Block:
    """T tokens of some whole lines. A document goes on over blocks unless `documents` says it starts anew."""

    ids: NDArray[np.int32]
    flags: NDArray[np.uint8]
    sentences: NDArray[np.int64]
    """Token offset of each sentence that has tokens."""
    documents: NDArray[np.int64]
    """Token offset of each sentence that follows a blank line."""
    ends_document: bool
    """Whether a blank line comes after the last token."""


def encode_slice(spec: EncodeSpec, folder: Path) -> dict[str, Any]:
    """Write ids, flags, sentences and documents of one slice into `folder`; returns its counts.

    A slice without tokens writes nothing. Sentences without tokens vanish, and documents of such alone.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tokenizer = load_tokenizer(spec.tokenizer, engine=spec.engine)
        caught.clear()  # what loading warns of is said once by the build, not once per slice
        blocks = list(_blocks(tokenizer, spec))
    tokens = sum(len(block.ids) for block in blocks)
    ids = np.empty(tokens, ids_dtype(tokenizer.vocab_size))
    flags = np.empty(tokens, np.uint8)
    sentences: list[NDArray[np.int64]] = []
    documents: list[NDArray[np.int64]] = []
    at, fresh = 0, True
    for block in blocks:
        ids[at : at + len(block.ids)], flags[at : at + len(block.ids)] = block.ids, block.flags
        sentences.append(block.sentences + at)
        if fresh and len(block.ids) and not (len(block.documents) and block.documents[0] == 0):
            documents.append(np.array([at]))
        documents.append(block.documents + at)
        fresh = block.ends_document or (fresh and not len(block.ids))
        at += len(block.ids)
    end = [np.array([tokens])]
    arrays = {
        "ids": ids,
        "flags": flags,
        "sentences": np.concatenate(sentences + end).astype(np.int64),
        "documents": np.concatenate(documents + end).astype(np.int64),
    }
    if tokens:
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
    return {
        "tokens": tokens,
        "sentences": len(arrays["sentences"]) - 1,
        "documents": len(arrays["documents"]) - 1,
        "eojeols": int(np.count_nonzero(flags & STARTS_WORD)),
        "unk": int(np.count_nonzero(ids == tokenizer.special.unk)),
        "tokie_differs": bool(caught),
    }


def _blocks(tokenizer: Tokenizer, spec: EncodeSpec) -> Iterator[Block]:
    for text in read_blocks(spec.file, spec.start, spec.end):
        yield encode_block(tokenizer, text)


def encode_block(tokenizer: Tokenizer, text: str) -> Block:
    """Encode whole lines of text."""
    lines = text.removesuffix("\n").split("\n")
    encoded = tokenizer.encode_batch(lines, specials=False)
    first_L = encoded.cu_seqlens
    codes = np.frombuffer("\n".join(lines).encode("utf-32-le", "replace"), np.uint32)
    newlines = np.flatnonzero(codes == ord("\n"))
    begin_L = np.concatenate([[0], newlines + 1])
    end_L = np.append(newlines, len(codes))
    spaces = np.cumsum(IS_SPACE[codes], dtype=np.int32)
    tokens_L = np.diff(first_L)
    starts_T = encoded.spans[:, 0] + np.repeat(begin_L, tokens_L)
    flags = np.zeros(len(encoded.ids), np.uint8)
    if len(starts_T):
        # White space since the token before: an eojeol starts, even behind a control character we drop.
        spaces_T = spaces[starts_T]
        starts_word = np.ones(len(starts_T), np.bool_)
        starts_word[1:] = spaces_T[1:] > spaces_T[:-1]
        flags[starts_word] = STARTS_WORD | STARTS_MORPHEME
    if encoded.morphemes is not None:
        flags[encoded.morphemes] |= STARTS_MORPHEME
    blank_L = _visible(spaces, begin_L, end_L) == 0
    with_tokens = np.flatnonzero(tokens_L)
    sentences = first_L[with_tokens]
    blanks_before = np.cumsum(blank_L)[with_tokens]
    after_blank = np.diff(blanks_before, prepend=0) > 0
    last = with_tokens[-1] if len(with_tokens) else 0
    return Block(encoded.ids, flags, sentences, sentences[after_blank], bool(blank_L[last:].any()))


def _visible(
    spaces: NDArray[np.int32], begin_L: NDArray[np.int64], end_L: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Characters other than white space on each line."""
    before = np.concatenate([[0], spaces])
    return np.asarray((end_L - begin_L) - (before[end_L] - before[begin_L]))
