"""One slice of a corpus file to the four arrays of a part: a pure function, run by a worker.

Columnar: a block of lines is encoded as one. WordPiece says by itself where eojeols start; for others that
comes from comparing the tokens' positions with those of white space.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from malmoi.progress import MalmoiWarning
from malmoi.shards.format import STARTS_MORPHEME, STARTS_WORD, ids_dtype
from malmoi.tokenizer import Encodings, Tokenizer, load_tokenizer
from malmoi.tokenizer.blocks import read_blocks
from malmoi.tokenizer.encoding.spaces import IS_SPACE
from malmoi.tokenizer.wordpiece.engine import Choice

CODE = re.compile(r"MM\d{4}\b")


@dataclass(frozen=True)
class EncodeSpec:
    """Bytes `[start, end)` of a corpus file, which begin and end at document starts."""

    file: Path
    start: int
    end: int
    tokenizer: Path
    engine: Choice = "auto"
    digest: str = ""
    """The tokenizer's, if this process may keep it for its next slice: opening one takes .2 s."""


@dataclass(frozen=True, slots=True)
class EncodedBlock:
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
    `warnings` of the counts has by code what the build is to say once: a worker has no reporter.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tokenizer = _opened(spec.tokenizer, spec.engine, spec.digest)
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
        "warnings": _by_code([warning.message for warning in caught]),
    }


def _by_code(caught: Sequence[Warning | str]) -> dict[str, dict[str, Any]]:
    """Where and values of each code; other libraries' warnings have none. The engine's is plain text, which
    begins with the code."""
    found: dict[str, dict[str, Any]] = {}
    for warning in caught:
        if isinstance(warning, MalmoiWarning):
            error = warning.error
            told = {"where": error.where, "values": {k: str(v) for k, v in error.values.items()}}
            found.setdefault(error.code, told)
        elif code := CODE.match(str(warning)):
            found.setdefault(code[0], {"where": None, "values": {}})
    return found


def _opened(folder: Path, engine: Choice, digest: str) -> Tokenizer:
    return _kept(folder, engine, digest) if digest else load_tokenizer(folder, engine=engine)


def forget() -> None:
    """Let go of what was kept: the process may have other work to do."""
    _kept.cache_clear()


@lru_cache(2)
def _kept(folder: Path, engine: Choice, digest: str) -> Tokenizer:
    return load_tokenizer(folder, engine=engine)


def _blocks(tokenizer: Tokenizer, spec: EncodeSpec) -> Iterator[EncodedBlock]:
    for text in read_blocks(spec.file, spec.start, spec.end):
        yield encode_block(tokenizer, text)


def encode_block(tokenizer: Tokenizer, text: str) -> EncodedBlock:
    """Encode whole lines of text."""
    text = text.removesuffix("\n")
    found = tokenizer.encode_lines(text)
    if found is not None:
        ids, first_L, end_L = found.ids, found.cu_seqlens, found.ends
        flags = _flags(found.starts_word, None)
    else:
        lines = text.split("\n")
        encoded = tokenizer.encode_batch(lines, specials=False)
        ids, first_L = encoded.ids, encoded.cu_seqlens
        end_L = np.cumsum([len(line) + 1 for line in lines]) - 1
        flags = _flags(_starts_word(text, end_L, encoded), encoded.morphemes)
    tokens_L = np.diff(first_L)
    blank_L = np.zeros(len(tokens_L), np.bool_)
    for line in np.flatnonzero(tokens_L == 0).tolist():
        start = int(end_L[line - 1]) + 1 if line else 0
        blank_L[line] = not text[start : int(end_L[line])].strip()  # nor is one of control characters blank
    with_tokens = np.flatnonzero(tokens_L)
    sentences = first_L[with_tokens]
    blanks_before = np.cumsum(blank_L)[with_tokens]
    after_blank = np.diff(blanks_before, prepend=0) > 0
    last = with_tokens[-1] if len(with_tokens) else 0
    return EncodedBlock(ids, flags, sentences, sentences[after_blank], bool(blank_L[last:].any()))


def _flags(starts_word: NDArray[np.bool_], morphemes: NDArray[np.bool_] | None) -> NDArray[np.uint8]:
    """An eojeol's first token starts a morpheme too; where no morphemes are known, no other token does."""
    flags = starts_word.view(np.uint8) * np.uint8(STARTS_WORD | STARTS_MORPHEME)
    if morphemes is not None:
        flags |= morphemes.view(np.uint8) * np.uint8(STARTS_MORPHEME)
    return flags


def _starts_word(text: str, end_L: NDArray[np.int64], encoded: Encodings) -> NDArray[np.bool_]:
    """Where an eojeol starts, from the tokens' spans: there is white space since the end of the token before
    (a user word may hold some), be it behind a control character that the tokenizer drops."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    begin_L = np.append(0, end_L[:-1] + 1)
    spaces = np.cumsum(IS_SPACE[codes], dtype=np.int32)
    starts_T, ends_T = (encoded.spans + np.repeat(begin_L, np.diff(encoded.cu_seqlens))[:, None]).T
    starts_word = np.ones(len(starts_T), np.bool_)
    starts_word[1:] = spaces[starts_T[1:]] > spaces[np.maximum(starts_T, ends_T - 1)[:-1]]
    return starts_word
